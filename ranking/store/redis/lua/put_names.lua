#!lua flags=allow-oom
-- Put chunks of a volume's names in the place of others, with one more name than there are.
--
-- KEYS 1 names  hash   "count", "digest", and chunks by their number
-- ARGV 1 how many names there must be, 2 their digest
--      3 their digest from now on
--      4.. number, chunk, number, chunk, ...
-- Returns 1 if it was done.
local names = redis.call('HMGET', KEYS[1], 'count', 'digest')
if names[1] ~= ARGV[1] or (names[2] or '') ~= ARGV[2] then
  return 0
end
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('HINCRBY', KEYS[1], 'count', 1)
redis.call('HSET', KEYS[1], 'digest', ARGV[3])
return 1
