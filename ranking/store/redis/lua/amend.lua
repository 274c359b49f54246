#!lua flags=allow-oom
-- Change what editors have said of a site: fields of its `edits`, or of what it has `removed`. All of it is one edition, and
-- each change a line of the trail. Also on a server that is at its memory limit: an editor in a hurry comes first.
--
-- KEYS 1 amended  hash  field -> value, JSON
--      2 edits    hash  `edition`: milliseconds of the server's clock at the last change; it only grows
--      3 audit    list  lines of JSON, the newest first
-- ARGV 1 who: the grade of the key
--      2 lifetime of the trail, seconds
--      3 how many lines it keeps
--      4 channel that is told `WORD EDITION_BEFORE EDITION REST`
--      5 that word
--      6 that rest
--      7.. of each change five: field; value, or nothing to delete it; what it is, as members of a line, or nothing for
--        none; JSON of what was before and of what is now, or nothing for what the field holds
-- Returns the site's edition, which is the old one if nothing was changed.
local before = tonumber(redis.call('HGET', KEYS[2], 'edition') or '0')
local time = redis.call('TIME')
local edition = string.format('%.0f', math.max(before + 1, time[1] * 1000 + math.floor(time[2] / 1000)))
local at = time[1] .. '.' .. string.format('%06d', time[2])

local function either(given, held)
  if given ~= '' then
    return given
  end
  return held or 'null'
end

local changed = false
for i = 7, #ARGV, 5 do
  local field, value, line = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local old = redis.call('HGET', KEYS[1], field)
  if value ~= '' then
    redis.call('HSET', KEYS[1], field, value)
  elseif old then
    redis.call('HDEL', KEYS[1], field)
  end
  if value ~= '' or old then
    changed = true
    if line ~= '' then
      redis.call('LPUSH', KEYS[3], '{"edition":' .. edition .. ',"at":' .. at .. ',"by":"' .. ARGV[1] .. '",' .. line .. ',"before":'
        .. either(ARGV[i + 3], old) .. ',"after":' .. either(ARGV[i + 4], value ~= '' and value) .. '}')
    end
  end
end
if not changed then
  return string.format('%.0f', before)
end
redis.call('HSET', KEYS[2], 'edition', edition)
redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[3]) - 1)
redis.call('EXPIRE', KEYS[3], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[5] .. ' ' .. string.format('%.0f', before) .. ' ' .. edition .. ' ' .. ARGV[6])
return edition
