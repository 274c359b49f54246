-- Take one item out of its shard.
--
-- KEYS 1 items      hash     id -> item
--      2 sequence   string   the shard's change number
--      3 changed    zset     id -> sequence of the item's last change
-- ARGV 1 lifetime of sequence and changed, seconds
--      2 id
-- Returns 1 if the item was stored, 0 if it was not.
local found = redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[3], redis.call('INCR', KEYS[2]), ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[3], ARGV[1])
return found
