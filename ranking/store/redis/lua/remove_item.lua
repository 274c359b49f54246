#!lua flags=allow-oom
-- Take one item out of its shard, also on a server that is at its memory limit.
--
-- KEYS 1 items      hash     id -> item
--      2 sequence   string   the shard's change number
--      3 changed    zset     id -> sequence of the item's last change
-- ARGV 1 lifetime of sequence and changed, seconds
--      2 id
-- Returns 1 if the item was stored, 0 if it was not.
local found = redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[3], redis.call('INCR', KEYS[2]), ARGV[2])
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[1]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[1])
  end
end
return found
