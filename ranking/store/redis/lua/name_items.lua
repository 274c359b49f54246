-- Note that events with the site's key have named some items. Those that are described need no note.
--
-- KEYS 1 items      hash     id -> item
--      2 sequence   string   the shard's change number
--      3.. named    zset     id -> sequence of the change that noted it; one per volume
-- ARGV 1 lifetime of the sequence, seconds
--      2.. per volume: expires at (epoch seconds), how many ids, the ids
-- Returns the ids that had no note in their volume.
local sequence
local new = {}
local at = 2
for k = 3, #KEYS do
  local expires_at, ids = ARGV[at], tonumber(ARGV[at + 1])
  for i = at + 2, at + 1 + ids do
    local id = ARGV[i]
    if redis.call('HEXISTS', KEYS[1], id) == 0 and not redis.call('ZSCORE', KEYS[k], id) then
      sequence = sequence or redis.call('INCR', KEYS[2])
      redis.call('ZADD', KEYS[k], sequence, id)
      new[#new + 1] = id
    end
  end
  redis.call('EXPIREAT', KEYS[k], expires_at)
  at = at + 2 + ids
end
if sequence and redis.call('TTL', KEYS[2]) < tonumber(ARGV[1]) then  -- what another call made longer stays so
  redis.call('EXPIRE', KEYS[2], ARGV[1])
end
return new
