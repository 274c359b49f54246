#!lua flags=allow-oom
-- Give out the number of a site's next void. Also on a server that is at its memory limit.
--
-- KEYS 1 edits  hash  field ARGV[1] -> the last number given out
-- ARGV 1 the field
return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
