#!lua flags=allow-oom
-- Hold what a store has come back with, unless an operator has accepted it: no lists are made of it.
--
-- KEYS 1 layout  hash  `life`, `accepted`: the life that was accepted last, `held`: epoch seconds
-- ARGV 1 the life that was found; nothing: a part of the store is empty, whatever was accepted before
-- Returns since when it is held, or nothing.
local found = redis.call('HMGET', KEYS[1], 'life', 'accepted')
if ARGV[1] == '' or (found[1] == ARGV[1] and found[2] ~= ARGV[1]) then
  redis.call('HSETNX', KEYS[1], 'held', redis.call('TIME')[1])
end
return redis.call('HGET', KEYS[1], 'held')
