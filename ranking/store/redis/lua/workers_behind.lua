-- Count the workers whose last report, of an older edition, still holds.
--
-- KEYS 1 workers  hash  worker -> "EDITION MS"
-- ARGV 1 edition
--      2 how long what a worker says holds, milliseconds
--      3 after how long a worker that says nothing is forgotten, milliseconds
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local workers = redis.call('HGETALL', KEYS[1])
local found = 0
for i = 1, #workers, 2 do
  local shown, said_at = string.match(workers[i + 1], '^(%d+) (%d+)$')
  local silent = now - tonumber(said_at)
  if silent > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], workers[i])
  elseif silent <= tonumber(ARGV[2]) and tonumber(shown) < tonumber(ARGV[1]) then
    found = found + 1
  end
end
return found
