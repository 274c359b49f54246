#!lua flags=allow-oom
-- Put the sealed counts of a span in the place of whatever counted there: all of it, or nothing if anything in that
-- span has changed since it was read. Allowed at the memory limit, as it frees more than it takes.
--
-- KEYS 1 sequence  string   the shard's change number
--      2 touched   zset     "W:T" -> sequence of the bucket's last change
--      3 names     hash     the volume's names: "count", "digest", and chunks by their number
--      4 sealed    string   of the span's bucket: "sequence:value"
--      5..         counts and sealed of the span's buckets, which go
-- ARGV 1 the span's bucket, "W:T"
--      2 sequence up to which all changes were read
--      3 the sealed counts
--      4 they expire at, epoch seconds
--      5 how many names the volume has, as the counts were packed, and 6 their digest; nothing: none is known of them
--      7 how many it is to have, and 8 their digest
--      9 how many chunks have new names
--     10 the names expire at, epoch seconds
--     11 lifetime of sequence and touched, seconds
--     12.. number, chunk, number, chunk, ...; then the span's buckets that go, "W:T"
-- Returns the sequence of this change; 0 if the span has changed, or the store has fewer changes than were read: it has
-- gone back; -1 if the volume has other names.
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[2]) then
  return 0
end
local width, start = string.match(ARGV[1], '(%d+):(%d+)')
local first, last = tonumber(start), tonumber(start) + tonumber(width)
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf')) do
  local w, t = string.match(member, '(%d+):(%d+)')
  if tonumber(t) < last and tonumber(t) + tonumber(w) > first then
    return 0
  end
end
local names = redis.call('HMGET', KEYS[3], 'count', 'digest')
if (names[1] or '0') ~= ARGV[5] or (names[2] or '') ~= ARGV[6] then
  return -1
end
local first_gone = 12 + 2 * tonumber(ARGV[9])
for i = 12, first_gone - 1, 2 do
  redis.call('HSET', KEYS[3], 'count', ARGV[7], 'digest', ARGV[8], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIREAT', KEYS[3], ARGV[10])
local sequence = redis.call('INCR', KEYS[1])
redis.call('SET', KEYS[4], string.format('%d:', sequence) .. ARGV[3], 'EXAT', ARGV[4])
for i = 5, #KEYS do
  redis.call('UNLINK', KEYS[i])
end
for i = first_gone, #ARGV do
  redis.call('ZREM', KEYS[2], ARGV[i])
end
redis.call('ZADD', KEYS[2], sequence, ARGV[1])
for k = 1, 2 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[11]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[11])
  end
end
return sequence
