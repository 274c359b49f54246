-- Store items of one shard. An item keeps the moment it was first seen, and the fields that are not named. What only a
-- page says (`by_page`) fills in what nobody else has said of the item.
--
-- KEYS 1 items      hash     id -> item (MessagePack map)
--      2 sequence   string   the shard's change number
--      3 changed    zset     id -> sequence of the item's last change
-- ARGV 1 lifetime of sequence and changed, seconds
--      2.. id, item, fields, id, item, fields, ...; fields: those that the item changes, parted by spaces; empty: all
-- Returns of each item whose address has changed: id, the address before, id, the address before, ...
local sequence = redis.call('INCR', KEYS[2])

-- Fields that are of no use without another, by its name.
local GOES_WITH = {sections = 'section', authors = 'author', picture = 'image'}

-- The item as it is to be stored over `stored`; nil: it stays as it is.
local function merged(stored, item, fields)
  local old, new = cmsgpack.unpack(stored), cmsgpack.unpack(item)
  if new['by_page'] and not old['by_page'] then
    local said = {}
    for name in string.gmatch(fields, '%S+') do
      if name ~= 'by_page' and old[GOES_WITH[name] or name] == nil then
        said[name] = new[name]
      end
    end
    if next(said) == nil then
      return nil
    end
    for name, value in pairs(said) do
      old[name] = value
    end
    return cmsgpack.pack(old)
  end
  local seen = old['first_seen'] or new['first_seen']
  if fields ~= '' then
    for name in string.gmatch(fields, '%S+') do
      old[name] = new[name]
    end
    new = old
  end
  new['first_seen'] = seen
  return cmsgpack.pack(new)
end

local moved = {}
for i = 2, #ARGV, 3 do
  local id, item = ARGV[i], ARGV[i + 1]
  local stored = redis.call('HGET', KEYS[1], id)
  if stored then
    item = merged(stored, item, ARGV[i + 2])
  end
  if item then
    local url = stored and cmsgpack.unpack(stored)['url']
    if url and url ~= cmsgpack.unpack(item)['url'] then
      moved[#moved + 1], moved[#moved + 2] = id, url
    end
    redis.call('HSET', KEYS[1], id, item)
    redis.call('ZADD', KEYS[3], sequence, id)
  end
end
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[1]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[1])
  end
end
return moved
