#!lua flags=allow-oom
-- Accept a store as it is. Where it was held its life gets another name, so that whoever follows it reads it anew.
--
-- KEYS 1 layout  hash  `life`, `accepted`: the life that was accepted last, `held`: epoch seconds
-- ARGV 1 the name of its life from now on
-- Returns the life, and since when it was held, or nothing.
local found = redis.call('HMGET', KEYS[1], 'life', 'held')
if found[2] then
  redis.call('HSET', KEYS[1], 'life', ARGV[1], 'accepted', ARGV[1])
  redis.call('HDEL', KEYS[1], 'held')
else
  redis.call('HSET', KEYS[1], 'accepted', found[1] or '')
end
return found
