-- Publish one list, unless a later one is published already.
--
-- KEYS 1 list         hash   generation, slot, epoch, stamp, "section:NAME" -> body
--      2 generations  hash   list -> generation
--      3.. orders     string packed orders of the list's items: new ones, then those that are past, then the others
-- ARGV 1 name of the list
--      2 slot: the aligned moment it was ranked for, epoch seconds
--      3 stamp (MessagePack)
--      4 lifetime of both keys, seconds
--      5 channel that is told of the new generation
--      6 generation that the new bodies are a change to, or -1: they are the whole list
--      7 how many sections have a new body
--      8 epoch: the term of the publisher's lease; 0: it has none
--      9 how many orders are new, 10 how many are past, 11 how long those are kept, seconds
--     12 a generation that the new one is above, whatever is there: the store may have gone back
--     13.. the new orders; section, body, section, body, ...; then the sections that are gone
-- Returns the new generation; -2 if another generation is published than 6 says; -1 if a list of the same or a later
-- slot is there; {-3, epoch} if one of a later term is there: a paused scheduler that wakes up cannot roll a list back.
-- A new term goes over whatever the one before has published, under whatever clock, and so does who has published what
-- is there: its clock was put back. A slot some seconds ahead of the server's clock holds nobody back.
local MAY_DIFFER_S = 5
local slot, epoch = tonumber(ARGV[2]), tonumber(ARGV[8])
local term = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch > 0 and epoch < term then
  return {-3, term}
end
local there = tonumber(redis.call('HGET', KEYS[1], 'slot') or '-1')
local before = tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
local base = tonumber(ARGV[6])
local stepped_back = epoch > 0 and base == before and slot < there
if epoch <= term and slot <= there and not stepped_back and there <= tonumber(redis.call('TIME')[1]) + MAY_DIFFER_S then
  return -1
end
if base < 0 then
  redis.call('DEL', KEYS[1])
elseif base ~= before then
  return -2
end
local known = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
local generation = math.max(before, known, tonumber(ARGV[12])) + 1
redis.call('HSET', KEYS[1], 'generation', generation, 'slot', ARGV[2], 'stamp', ARGV[3])
redis.call('HSET', KEYS[1], 'epoch', math.max(epoch, term))
local new, past = tonumber(ARGV[9]), tonumber(ARGV[10])
for i = 1, #KEYS - 2 do
  if i <= new then
    redis.call('SET', KEYS[2 + i], ARGV[12 + i], 'EX', ARGV[4])
  else
    redis.call('EXPIRE', KEYS[2 + i], i <= new + past and ARGV[11] or ARGV[4])
  end
end
local first_body = 13 + new
local first_gone = first_body + 2 * tonumber(ARGV[7])
for i = first_body, first_gone - 1, 2 do
  redis.call('HSET', KEYS[1], 'section:' .. ARGV[i], ARGV[i + 1])
end
for i = first_gone, #ARGV do
  redis.call('HDEL', KEYS[1], 'section:' .. ARGV[i])
end
redis.call('HSET', KEYS[2], ARGV[1], generation)
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('PUBLISH', ARGV[5], 'list ' .. ARGV[1] .. ' ' .. generation)
return generation
