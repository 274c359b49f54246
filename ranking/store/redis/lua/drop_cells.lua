#!lua flags=allow-oom
-- Drop some open counts of one shard.
--
-- KEYS 1 sequence  string   the shard's change number
--      2 touched   zset     "W:T" -> sequence of the bucket's last change
--      3.. counts  hash     of a bucket each
-- ARGV per bucket: "W:T", how many fields, the fields
local sequence = redis.call('INCR', KEYS[1])
local at = 1
for k = 3, #KEYS do
  for i = at + 2, at + 1 + ARGV[at + 1] do
    redis.call('HDEL', KEYS[k], ARGV[i])
  end
  redis.call('ZADD', KEYS[2], sequence, ARGV[at])
  at = at + 2 + ARGV[at + 1]
end
