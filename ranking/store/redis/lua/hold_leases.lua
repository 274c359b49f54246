#!lua flags=allow-oom
-- A jobs process says that it lives, or leaves, and takes and gives up its leases on sites.
--
-- KEYS 1 processes  hash    holder -> "MS SETTINGS NAME": until when it is known to live, by the server's clock
--      2 leases     hash    site -> "EPOCH HOLDER", where the holder lives; "" -> mark of the last change
--      3 holder     string  "sites" while one of these processes lives; else the process of a version before that works
--                           for all sites, of which no two may work at a time
--      4 epoch      string  number of the last term, of any site
-- ARGV 1 holder
--      2 how long it is known to live from now, milliseconds; 0: it leaves
--      3 "SETTINGS NAME"
--      4 the mark that it knows, 5 a new mark
--      6 lifetime of processes and leases, seconds
--      7 how many sites it takes; then site, a number that the epoch is to be above, ...; then the sites that it gives up
-- Returns milliseconds, by the server's clock; who else works for all sites, and for how many milliseconds more, or
-- '' and 0; the last epoch; processes as above; leases as above, or nothing where the mark is the one that it knows.
local SITES = 'sites'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local length = tonumber(ARGV[2])
local live, changed = {}, false
local found = redis.call('HGETALL', KEYS[1])
for i = 1, #found, 2 do
  if tonumber(string.match(found[i + 1], '^%d+')) > now then
    live[found[i]] = true
  else
    redis.call('HDEL', KEYS[1], found[i])
    changed = true
  end
end
if length > 0 then
  changed = changed or not live[ARGV[1]]  -- what it has held before is over
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now + length, ARGV[3]))
  redis.call('EXPIRE', KEYS[1], ARGV[6])
else
  changed = changed or live[ARGV[1]]
  live[ARGV[1]] = nil
  redis.call('HDEL', KEYS[1], ARGV[1])
end
if changed then
  local held = redis.call('HGETALL', KEYS[2])
  for i = 1, #held, 2 do
    if held[i] ~= '' and not live[string.match(held[i + 1], ' (.*)')] then
      redis.call('HDEL', KEYS[2], held[i])
    end
  end
end
local holder = redis.call('GET', KEYS[3]) or SITES
local left = redis.call('PTTL', KEYS[3])
if holder == SITES and length > 0 then
  redis.call('SET', KEYS[3], SITES, 'PX', math.max(left, length))
  local epoch = tonumber(redis.call('GET', KEYS[4]) or '0')
  local first_given_up = 8 + 2 * tonumber(ARGV[7])
  for i = 8, first_given_up - 1, 2 do
    local of = string.match(redis.call('HGET', KEYS[2], ARGV[i]) or '', ' (.*)')
    if not of or of == ARGV[1] then
      epoch = math.max(epoch, tonumber(ARGV[i + 1])) + 1
      redis.call('HSET', KEYS[2], ARGV[i], string.format('%d %s', epoch, ARGV[1]))
      changed = true
    end
  end
  redis.call('SET', KEYS[4], string.format('%d', epoch))
  for i = first_given_up, #ARGV do
    if string.match(redis.call('HGET', KEYS[2], ARGV[i]) or '', ' (.*)') == ARGV[1] then
      redis.call('HDEL', KEYS[2], ARGV[i])
      changed = true
    end
  end
elseif holder == SITES and not next(live) then
  redis.call('DEL', KEYS[3])
end
if changed then
  redis.call('HSET', KEYS[2], '', ARGV[5])
end
redis.call('EXPIRE', KEYS[2], ARGV[6])
local unchanged = redis.call('HGET', KEYS[2], '') == ARGV[4]
return {
  string.format('%.0f', now), holder ~= SITES and holder or '', holder ~= SITES and left or 0,
  redis.call('GET', KEYS[4]) or '0', redis.call('HGETALL', KEYS[1]), unchanged and {} or redis.call('HGETALL', KEYS[2]),
}
