#!lua flags=allow-oom
-- Add chunks of items' dates, if nobody else has added any since.
--
-- KEYS 1 dates  hash   "cursor", "entries", and chunks by their number
-- ARGV 1 the cursor there must be; 0: whatever there is goes
--      2 the cursor from now on
--      3 how many entries there are from now on
--      4 lifetime, seconds
--      5.. number, chunk, number, chunk, ...
-- Returns 1 if it was done.
if ARGV[1] == '0' then
  redis.call('UNLINK', KEYS[1])
elseif redis.call('HGET', KEYS[1], 'cursor') ~= ARGV[1] then
  return 0
end
for i = 5, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2], 'entries', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
