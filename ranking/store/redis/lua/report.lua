#!lua flags=allow-oom
-- A worker says which edition it shows, and learns which is the latest.
--
-- KEYS 1 workers      hash  worker -> "EDITION MS": what it shows, and when it said so (the server's clock)
--      2 edits        hash  `edition`
--      3 generations  hash  list -> generation
-- ARGV 1 worker
--      2 edition that it shows; nothing: it stops and shows none any more
--      3 lifetime of workers, seconds
-- Returns the latest edition, then list, generation, list, generation, ...
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%s %.0f', ARGV[2], time[1] * 1000 + math.floor(time[2] / 1000)))
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return { redis.call('HGET', KEYS[2], 'edition') or '0', unpack(redis.call('HGETALL', KEYS[3])) }
