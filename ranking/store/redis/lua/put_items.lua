-- Store items of one shard. An item keeps the moment it was first seen.
--
-- KEYS 1 items      hash     id -> item (MessagePack map)
--      2 sequence   string   the shard's change number
--      3 changed    zset     id -> sequence of the item's last change
-- ARGV 1 lifetime of sequence and changed, seconds
--      2.. id, item, id, item, ...
-- Returns the shard's change number.
local sequence = redis.call('INCR', KEYS[2])
for i = 2, #ARGV, 2 do
  local id, item = ARGV[i], ARGV[i + 1]
  local old = redis.call('HGET', KEYS[1], id)
  if old then
    local seen = cmsgpack.unpack(old)['first_seen']
    if seen then
      local new = cmsgpack.unpack(item)
      new['first_seen'] = seen
      item = cmsgpack.pack(new)
    end
  end
  redis.call('HSET', KEYS[1], id, item)
  redis.call('ZADD', KEYS[3], sequence, id)
end
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[1]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[1])
  end
end
return sequence
