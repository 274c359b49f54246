#!lua flags=allow-oom
-- Write a line into a site's trail that is about no edit.
--
-- KEYS 1 audit  list  lines of JSON, the newest first
-- ARGV 1 who, 2 lifetime of the trail, seconds, 3 how many lines it keeps
--      4 what it is, as members of a line
-- Returns the line's edition.
local time = redis.call('TIME')
local edition = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local at = time[1] .. '.' .. string.format('%06d', time[2])
redis.call('LPUSH', KEYS[1], '{"edition":' .. edition .. ',"at":' .. at .. ',"by":"' .. ARGV[1] .. '",' .. ARGV[4]
  .. ',"before":null,"after":null}')
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[3]) - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return edition
