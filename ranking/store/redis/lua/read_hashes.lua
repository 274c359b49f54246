-- Read some hashes whole.
--
-- KEYS 1.. hash
-- Returns of each field, value, field, value, ...
local found = {}
for i = 1, #KEYS do
  found[i] = redis.call('HGETALL', KEYS[i])
end
return found
