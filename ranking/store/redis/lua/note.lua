-- Set fields of a hash that is kept for those who look after the service, and renew its lifetime.
--
-- KEYS 1 noted  hash  field -> value
-- ARGV 1 its lifetime, seconds
--      2.. field, value, field, value, ...
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
