#!lua flags=allow-oom
-- Leave a mark at what was read of one shard, in the place of the last one. Also on a server at its memory limit.
--
-- KEYS 1 mark      string   the last mark
--      2 sequence  string   the shard's change number
-- ARGV 1 the mark that there must be; nothing: any or none
--      2 the new one
--      3 the change number that there must be at least
--      4 lifetime, seconds
-- Returns 1 if it was done.
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[3]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[4])
return 1
