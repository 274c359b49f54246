-- Put what a backup has of editors in the place of what a site has of them, all of it as one edition.
--
-- KEYS 1 edits    hash  field -> value (JSON); `edition`, `voids`
--      2 removed  hash  item -> epoch seconds
--      3 aliases  hash  name -> item
--      4 former   hash  name of an address -> item
--      5 audit    list  lines of JSON, the newest first
-- ARGV 1 who, 2 lifetime of the trail, 3 how many lines it keeps, 4 channel of the news
--      5 what was done, as members of a line
--      6 MessagePack: of each hash field, value, field, value, ...; then the lines of the trail
local AT_ONCE = 1000
local before = redis.call('HGET', KEYS[1], 'edition') or '0'
local content = cmsgpack.unpack(ARGV[6])
for k = 1, 5 do
  redis.call('DEL', KEYS[k])
  for first = 1, #content[k], AT_ONCE do
    local part = { unpack(content[k], first, math.min(first + AT_ONCE - 1, #content[k])) }
    redis.call(k == 5 and 'RPUSH' or 'HSET', KEYS[k], unpack(part))
  end
end
local time = redis.call('TIME')
local last = math.max(tonumber(before), tonumber(redis.call('HGET', KEYS[1], 'edition') or '0'))
local edition = string.format('%.0f', math.max(last + 1, time[1] * 1000 + math.floor(time[2] / 1000)))
redis.call('HSET', KEYS[1], 'edition', edition)
redis.call('LPUSH', KEYS[5], '{"edition":' .. edition .. ',"at":' .. time[1] .. '.' .. string.format('%06d', time[2])
  .. ',"by":"' .. ARGV[1] .. '",' .. ARGV[5] .. ',"before":null,"after":null}')
redis.call('LTRIM', KEYS[5], 0, tonumber(ARGV[3]) - 1)
redis.call('EXPIRE', KEYS[5], ARGV[2])
redis.call('PUBLISH', ARGV[4], 'aliases ' .. before .. ' ' .. edition .. ' ')
