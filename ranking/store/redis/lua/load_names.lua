-- Add names to a volume, in the order of their numbers, unless somebody else has since.
--
-- KEYS 1 names  hash   "count", "digest", and chunks by their number
-- ARGV 1 how many names there must be, 2 their digest
--      3 how many there are from now on, 4 their digest
--      5 the names expire at, epoch seconds
--      6.. number, chunk, number, chunk, ...
-- Returns 1 if it was done.
local names = redis.call('HMGET', KEYS[1], 'count', 'digest')
if (names[1] or '0') ~= ARGV[1] or (names[2] or '') ~= ARGV[2] then
  return 0
end
for i = 6, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('HSET', KEYS[1], 'count', ARGV[3], 'digest', ARGV[4])
redis.call('EXPIREAT', KEYS[1], ARGV[5])
return 1
