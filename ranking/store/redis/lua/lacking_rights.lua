#!lua flags=allow-oom
-- Which of the commands that the store is used by this user may not run. They act on a key that lives for a moment.
--
-- KEYS 1 a key of ours that nothing else uses
-- ARGV 1 the commands with their arguments (MessagePack): an array of arrays
-- Returns command, what the server says of it, command, what it says, ...
local lacking = {}
for _, command in ipairs(cmsgpack.unpack(ARGV[1])) do
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' and reply.err then
    -- Valkey's words, and Redis's
    if string.find(reply.err, 'ACL failure') or string.find(reply.err, 'user executing the script') then
      table.insert(lacking, command[1])
      table.insert(lacking, reply.err)
    end
  end
end
return lacking
