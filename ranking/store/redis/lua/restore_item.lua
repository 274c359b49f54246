-- Count what was refused of an item while nobody had described it: all of it, or nothing if that is not what was read.
--
-- KEYS 1 pending   hash     item by hash -> what was refused, see lua/record.lua
--      2 sequence  string   the shard's change number
--      3 touched   zset     "W:T" -> sequence of the bucket's last change
--      4.. counts  hash     the bucket of each cell
-- ARGV 1 the item's hash
--      2 what was read of it
--      3 lifetime of sequence and touched, seconds
--      4.. per cell: "W:T", expires at (epoch seconds), field, n
-- Returns whether it was counted.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
local sequence = redis.call('INCR', KEYS[2])
for k = 4, #KEYS do
  local at = 4 * (k - 3)
  redis.call('HINCRBY', KEYS[k], ARGV[at + 2], ARGV[at + 3])
  redis.call('EXPIREAT', KEYS[k], ARGV[at + 1])
  redis.call('ZADD', KEYS[3], sequence, ARGV[at])
end
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[3]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[3])
  end
end
return 1
