-- Ask all parts of a site, unless a later term has.
--
-- KEYS 1 round    hash  epoch, number and question (MessagePack) of the last question
--      2 answers  hash  process -> its answer to it (MessagePack)
-- ARGV 1 epoch of the term
--      2 number of the question
--      3 the question
--      4 lifetime of the keys, seconds
-- Returns 0, or the epoch of the later term.
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then
  return epoch
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'number', ARGV[2], 'question', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 0
