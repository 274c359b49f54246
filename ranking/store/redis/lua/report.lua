#!lua flags=allow-oom
-- A worker says which edition it shows, and learns which is the latest.
--
-- KEYS 1 workers      hash  worker -> "EDITION MS": what it shows, and when it said so (the server's clock)
--      2 edits        hash  `edition`
--      3 generations  hash  list -> generation
-- ARGV 1 worker
--      2 edition that it shows; nothing: it stops and shows none any more
--      3 lifetime of workers, seconds
-- Returns the latest edition; MS of this report and of the worker's one before, or nothing where there is none; then
-- list, generation, list, generation, ...
local said = ''
local before = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', ' (%d+)$') or ''
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local time = redis.call('TIME')
  said = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. said)
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return { redis.call('HGET', KEYS[2], 'edition') or '0', said, before, unpack(redis.call('HGETALL', KEYS[3])) }
