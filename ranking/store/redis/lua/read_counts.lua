#!lua flags=no-writes
-- Read some buckets of one shard, each as it is at one moment: what is open in it and what is sealed.
--
-- KEYS counts  hash, sealed  string, counts, sealed, ...
-- Returns for each bucket an array of field, n, field, n, ... and the sealed value, or nil.
local found = {}
for i = 1, #KEYS, 2 do
  found[i] = redis.call('HGETALL', KEYS[i])
  found[i + 1] = redis.call('GET', KEYS[i + 1])
end
return found
