-- Store items of one shard as a backup has them.
--
-- KEYS 1 items      hash     id -> item (MessagePack map)
--      2 sequence   string   the shard's change number
--      3 changed    zset     id -> sequence of the item's last change
-- ARGV 1 lifetime of sequence and changed, seconds
--      2.. id, item, id, item, ...; nothing: it was gone
local sequence = redis.call('INCR', KEYS[2])
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
  redis.call('ZADD', KEYS[3], sequence, ARGV[i])
end
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[1]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[1])
  end
end
