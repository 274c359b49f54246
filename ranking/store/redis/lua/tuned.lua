-- Write down one night's tuning of a list, unless that night or a later one is there.
--
-- KEYS 1 learned  hash  list -> what it goes by (JSON)
--      2 nights   list  its nights (JSON), the newest first
-- ARGV 1 name of the list
--      2 the moment up to which the past was looked at, epoch seconds
--      3 what it goes by, 4 the night
--      5 how many nights are kept, 6 for how long, seconds
-- Returns 1, or 0 where nothing was done: two processes that tune the same night find the same and write it once.
local last = redis.call('LINDEX', KEYS[2], 0)
if last and cjson.decode(last)['at'] >= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('LPUSH', KEYS[2], ARGV[4])
redis.call('LTRIM', KEYS[2], 0, ARGV[5] - 1)
redis.call('EXPIRE', KEYS[2], ARGV[6])
return 1
