#!lua flags=no-writes
-- One shard at one moment: which buckets it has, and what has changed in it since it was read.
--
-- KEYS 1 sequence  string   the shard's change number
--      2 touched   zset     "W:T" -> sequence of the bucket's last change
--      3 items     hash     id -> item
--      4 changed   zset     id -> sequence of the item's last change
--      5.. names   hash     of some volumes: "count", "digest"
--      then counts  hash, sealed  string, counts, sealed, ... of some buckets
-- ARGV 1 how many volumes
--      2 change number up to which items were read
-- Returns the moment (epoch seconds), the change number, how many items there are, touched as member, score, ..., the
-- volumes' digests, the items that have changed as id, item, ... (nothing: it is gone), and the buckets as
-- read_counts.lua returns them.
local AT_ONCE = 1000
local time = redis.call('TIME')
local names = {}
for k = 5, 4 + tonumber(ARGV[1]) do
  names[#names + 1] = redis.call('HGET', KEYS[k], 'digest') or ''
end
local items, ids = {}, redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. ARGV[2], '+inf')
for first = 1, #ids, AT_ONCE do
  local part = { unpack(ids, first, math.min(first + AT_ONCE - 1, #ids)) }
  for i, item in ipairs(redis.call('HMGET', KEYS[3], unpack(part))) do
    items[#items + 1], items[#items + 2] = part[i], item or ''
  end
end
local buckets = {}
for k = 5 + ARGV[1], #KEYS, 2 do
  buckets[#buckets + 1] = redis.call('HGETALL', KEYS[k])
  buckets[#buckets + 1] = redis.call('GET', KEYS[k + 1])
end
return { time[1] .. '.' .. string.format('%06d', time[2]), tonumber(redis.call('GET', KEYS[1]) or '0'),
  redis.call('HLEN', KEYS[3]), redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'), names, items, buckets }
