#!lua flags=allow-oom
-- Let go of the lease, so that the next need not wait until it has run out.
--
-- KEYS 1 holder  string   who holds the lease
-- ARGV 1 who lets go
-- Returns 1 if it was held by that one.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
