#!lua flags=allow-oom
-- Put chunks of a volume's names in the place of others, with one more name than there are.
--
-- KEYS 1 names  hash   "count", and chunks by their number
-- ARGV 1 how many names there must be
--      2.. number, chunk, number, chunk, ...
-- Returns 1 if it was done.
if redis.call('HGET', KEYS[1], 'count') ~= ARGV[1] then
  return 0
end
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('HINCRBY', KEYS[1], 'count', 1)
return 1
