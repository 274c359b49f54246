#!lua flags=allow-oom
-- Take or renew the lease on the scheduled work. Every term has an epoch of its own, which only grows.
--
-- KEYS 1 holder  string   who holds the lease; gone when it has run out
--      2 epoch   string   number of the last term
-- ARGV 1 who asks
--      2 length of the lease, milliseconds
--      3 -1 to go on with a term that still runs; else begin a new one, of an epoch above this
-- Returns {epoch, 0}; {0, milliseconds that another has left} where another holds it.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return {0, redis.call('PTTL', KEYS[1])}
end
local epoch = tonumber(redis.call('GET', KEYS[2]) or '0')
if not holder or tonumber(ARGV[3]) >= 0 then
  epoch = math.max(epoch, tonumber(ARGV[3])) + 1
  redis.call('SET', KEYS[2], string.format('%d', epoch))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {epoch, 0}
