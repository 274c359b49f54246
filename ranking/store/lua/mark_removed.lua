#!lua flags=allow-oom
-- Take one item down, also on a server that is at its memory limit: an editor in a hurry comes first.
--
-- KEYS 1 removed  hash  item id -> epoch seconds it was taken down
-- ARGV 1 item id
--      2 now, epoch seconds
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
