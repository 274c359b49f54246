-- Put a published list back that the store has lost, as it went back or was emptied; no term has ranked it.
--
-- KEYS 1 list         hash   generation, slot, epoch, stamp, "section:NAME" -> body
--      2 generations  hash   list -> generation
-- ARGV 1 name of the list
--      2 its generation, 3 its slot (epoch seconds), 4 its stamp (MessagePack)
--      5 lifetime of both keys, seconds
--      6.. section, body, section, body, ...
-- Returns 1; 0 where this generation or a later one is there.
local there = math.max(
  tonumber(redis.call('HGET', KEYS[1], 'generation') or '0'), tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0'))
if there >= tonumber(ARGV[2]) then
  return 0
end
local term = redis.call('HGET', KEYS[1], 'epoch') or '0'
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'slot', ARGV[3], 'epoch', term, 'stamp', ARGV[4])
for i = 6, #ARGV, 2 do
  redis.call('HSET', KEYS[1], 'section:' .. ARGV[i], ARGV[i + 1])
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return 1
