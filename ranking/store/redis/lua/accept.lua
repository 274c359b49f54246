#!lua flags=allow-oom
-- Accept a store as it is.
--
-- KEYS 1 layout  hash  `life`, `accepted`: the life that was accepted last, `held`: epoch seconds
-- Returns the life, and since when it was held, or nothing.
local found = redis.call('HMGET', KEYS[1], 'life', 'held')
redis.call('HSET', KEYS[1], 'accepted', found[1] or '')
redis.call('HDEL', KEYS[1], 'held')
return found
