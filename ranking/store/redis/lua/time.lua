#!lua flags=no-writes
-- Tell the server's time.
--
-- KEYS 1 any key  in a cluster it says which server
-- Returns seconds and microseconds.
return redis.call('TIME')
