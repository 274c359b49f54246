#!lua flags=allow-oom
-- Note that a process is there to hold a part of a site, and tell which are.
--
-- KEYS 1 members  zset  process -> when it has last said so (server's clock, milliseconds)
-- ARGV 1 process
--      2 how long that holds, milliseconds
--      3 lifetime of the key, seconds
-- Returns the processes that are there.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return redis.call('ZRANGE', KEYS[1], 0, -1)
