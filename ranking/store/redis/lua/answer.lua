-- Answer a question for a part of a site, if it is the last one still.
--
-- KEYS 1 round    hash  epoch, number and question (MessagePack) of the last question
--      2 answers  hash  process -> its answer to it (MessagePack)
-- ARGV 1 epoch and 2 number of the question
--      3 process
--      4 its answer
--      5 lifetime of the key, seconds
-- Returns 1, or 0 where another question has been asked since.
local asked = redis.call('HMGET', KEYS[1], 'epoch', 'number')
if asked[1] ~= ARGV[1] or asked[2] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return 1
