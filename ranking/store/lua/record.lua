-- Count one batch in one shard: all of it, or nothing if it was counted before, be it that this writer sends it again
-- because the reply was lost, or that a client sends its request again under one idempotency key.
--
-- KEYS 1 writer      string   number of the writer's last counted batch
--      2 sequence    string   the shard's change number
--      3 touched     zset     "W:T" -> sequence of the bucket's last change
--      4 once        string   marks an idempotency key as counted; only where ARGV 4 is above 0
--      4/5.. counts  hash     one per bucket of the batch
-- ARGV 1 batch number
--      2 lifetime of the writer key, seconds
--      3 lifetime of sequence and touched, seconds
--      4 lifetime of the idempotency key, seconds; 0: there is none
--      5 MessagePack: an array with one entry per bucket, in the order of their KEYS:
--        { "W:T", expires at (epoch seconds), field, n, field, n, ... }
-- Returns 1 if the batch was counted, 0 if this writer had counted it before, 2 if its idempotency key had.
local number = tonumber(ARGV[1])
local last = tonumber(redis.call('GET', KEYS[1]) or '-1')
if number <= last then
  return 0
end
local first = 4
if tonumber(ARGV[4]) > 0 then
  if not redis.call('SET', KEYS[4], '1', 'NX', 'EX', ARGV[4]) then
    return 2
  end
  first = 5
end
local buckets = cmsgpack.unpack(ARGV[5])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
local sequence = redis.call('INCR', KEYS[2])
for b = 1, #buckets do
  local bucket = buckets[b]
  local key = KEYS[first - 1 + b]
  for i = 3, #bucket, 2 do
    redis.call('HINCRBY', key, bucket[i], bucket[i + 1])
  end
  redis.call('EXPIREAT', key, bucket[2])
  redis.call('ZADD', KEYS[3], sequence, bucket[1])
end
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[3]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[3])
  end
end
return 1
