-- Read the leases of jobs processes on sites: see hold_leases.lua.
--
-- KEYS 1 processes, 2 leases, 3 holder, 4 epoch
-- Returns what hold_leases.lua returns.
local time = redis.call('TIME')
local holder = redis.call('GET', KEYS[3]) or 'sites'
return {
  string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), holder ~= 'sites' and holder or '',
  holder ~= 'sites' and redis.call('PTTL', KEYS[3]) or 0, redis.call('GET', KEYS[4]) or '0',
  redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]),
}
