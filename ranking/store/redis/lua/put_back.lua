#!lua flags=allow-oom
-- Make edits and take-downs of a site again that the store has lost, as it went back or was emptied. What it has stays.
--
-- KEYS 1 edits    hash  field -> value (JSON); `edition`, `voids`
--      2 removed  hash  item -> epoch seconds
--      3 audit    list  lines of JSON, the newest first
-- ARGV 1 who, 2 lifetime of the trail, 3 how many lines it keeps, 4 channel of the news
--      5 an edition that the new one is above
--      6 the number that a void was given last, at least
--      7 how many edits
--      8.. field, value, members of a line of each; then item, epoch seconds, members of a line of each take-down
-- Returns the items whose take-down was lost.
local before = tonumber(redis.call('HGET', KEYS[1], 'edition') or '0')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local edition = string.format('%.0f', math.max(before + 1, tonumber(ARGV[5]) + 1, now_ms))
local at = time[1] .. '.' .. string.format('%06d', time[2])
local first_item = 8 + 3 * tonumber(ARGV[7])
local lost, changed = {}, false
for i = 8, #ARGV, 3 do
  local item = i >= first_item
  if redis.call('HSETNX', KEYS[item and 2 or 1], ARGV[i], ARGV[i + 1]) == 1 then
    changed = true
    local after = item and 'null' or ARGV[i + 1]
    redis.call('LPUSH', KEYS[3], '{"edition":' .. edition .. ',"at":' .. at .. ',"by":"' .. ARGV[1] .. '",' .. ARGV[i + 2]
      .. ',"before":null,"after":' .. after .. '}')
    if item then
      lost[#lost + 1] = ARGV[i]
    end
  end
end
if tonumber(redis.call('HGET', KEYS[1], 'voids') or '0') < tonumber(ARGV[6]) then
  redis.call('HSET', KEYS[1], 'voids', ARGV[6])
end
if changed then
  redis.call('HSET', KEYS[1], 'edition', edition)
  redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[3]) - 1)
  redis.call('EXPIRE', KEYS[3], ARGV[2])
  redis.call('PUBLISH', ARGV[4], 'edits ' .. string.format('%.0f', before) .. ' ' .. edition .. ' ')
end
return lost
