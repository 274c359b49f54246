-- Count one batch in one shard: all of it, or nothing if it was counted before, be it that this writer sends it again
-- because the reply was lost, or that a client sends its request again under one idempotency key. Of the batch's visits,
-- those that ask first (see ranking/intake/visits.py), the ones that repeat an earlier one are kept as shadow counts instead.
--
-- KEYS 1 writer      string   number of the writer's last counted batch, a space and that batch's outcomes
--      2 sequence    string   the shard's change number
--      3 touched     zset     "W:T" -> sequence of the bucket's last change
--      4 once        string   marks an idempotency key as counted; only where ARGV 4 is above 0
--      4/5.. counts  hash     one per bucket of the batch
--      and, only where there are visits, after those:
--      items         hash     described items
--      known now, known before   sets of items that are not described and yet known, by hash
--      budget        hash     tokens, at: of the bucket that new items are paid from
--      ids now, ids before       sets of event ids by hash
--      seen ..       hash     pair -> offset in seconds into the window at which it counted; one per window
-- ARGV 1 batch number
--      2 lifetime of the writer key, seconds
--      3 lifetime of sequence and touched, seconds
--      4 lifetime of the idempotency key, seconds; 0: there is none
--      5 MessagePack: an array with one entry per bucket, in the order of their KEYS:
--        { "W:T", expires at (epoch seconds), field, n, field, n, ... }
--      and, only where there are visits:
--      6 MessagePack: { cell of each visit (from 0 over all fields), offset of each, window of each (empty: all 1; 0: no
--        pair), windows { own key, key before, key after, window before, window after }, visits with an id (from 0),
--        visits with a newcomer (from 0), { span, lifetime of known, lifetime of ids, lifetime of seen, received, tokens a minute,
--        most tokens } }
--      7 pairs, 8 bytes per visit
--      8 the same under the previous salt, or nothing
--      9 hashes of the ids, 8 bytes per visit with an id
--      10 hashes of the newcomers' items, 8 bytes each
-- Returns the outcomes of the visits, a character each: 1 counted, 0 repeated, n refused; or the number 2 if the
-- idempotency key was counted before.
local ARGUMENTS = 1000  -- of one call: Lua's stack holds no more than 8000
local number = tonumber(ARGV[1])
local kept = redis.call('GET', KEYS[1])
if kept then
  local last = string.match(kept, '^%d+')
  if number <= tonumber(last) then
    redis.call('EXPIRE', KEYS[1], ARGV[2])  -- a write, so that a wait behind this call waits for the first one too
    return number == tonumber(last) and string.sub(kept, #last + 2) or ''
  end
end
local first = 4
if tonumber(ARGV[4]) > 0 then
  if not redis.call('SET', KEYS[4], '1', 'NX', 'EX', ARGV[4]) then
    redis.call('EXPIRE', KEYS[2], ARGV[3])
    return 2
  end
  first = 5
end
local buckets = cmsgpack.unpack(ARGV[5])

local outcomes = {}
local gained, again = {}, {}  -- cell -> visits that counted, and that repeated
if ARGV[6] then
  -- What `command` says of `values` in `key`, asked for so many at a time.
  local function asked_for(command, key, values)
    if #values <= ARGUMENTS then
      return redis.call(command, key, unpack(values))
    end
    local found = {}
    for from = 1, #values, ARGUMENTS do
      local reply = redis.call(command, key, unpack(values, from, math.min(from + ARGUMENTS - 1, #values)))
      for i = 1, #reply do
        found[from + i - 1] = reply[i]
      end
    end
    return found
  end

  local function written(command, key, values)
    for from = 1, #values, ARGUMENTS do
      redis.call(command, key, unpack(values, from, math.min(from + ARGUMENTS - 1, #values)))
    end
  end

  local function eighths(text)
    local found = {}
    for i = 1, #text / 8 do
      found[i] = string.sub(text, 8 * i - 7, 8 * i)
    end
    return found
  end

  local visits = cmsgpack.unpack(ARGV[6])
  local cells, offsets, window_of, windows, with_id, newcomers = unpack(visits)
  local span, known_ttl, ids_ttl, seen_ttl, received, rate, most = unpack(visits[7])
  local base = first - 1 + #buckets
  local items, known, known_before, budget = KEYS[base + 1], KEYS[base + 2], KEYS[base + 3], KEYS[base + 4]
  local ids, ids_before = KEYS[base + 5], KEYS[base + 6]
  local pair_of, before_of = eighths(ARGV[7]), eighths(ARGV[8])
  local one_window = #window_of == 0 and #windows == 1
  for _, numbers in ipairs({ cells, with_id, newcomers }) do
    for i = 1, #numbers do
      numbers[i] = numbers[i] + 1
    end
  end
  local item_of, shadow = {}, {}  -- cell -> item, whether it counts events that were left out
  if #newcomers > 0 then
    local cell = 0
    for b = 1, #buckets do
      for i = 3, #buckets[b], 2 do
        cell = cell + 1
        local field = buckets[b][i]
        shadow[cell] = string.sub(field, 1, 1) == '!'
        item_of[cell] = string.sub(field, string.find(field, '|', 1, true) + 1)
      end
    end
  end

  -- What the store knows of the visits: repeated by the pair, id of a visit, visits of an unknown item.
  local repeated, id_of, marked, unknown = {}, {}, {}, {}
  for w = 1, #windows do
    local visits = {}  -- that lie in this window
    if not one_window then
      for i = 1, #cells do
        if window_of[i] == w then
          visits[#visits + 1] = i
        end
      end
    end
    for _, names in ipairs({ pair_of, before_of }) do
      if #names > 0 then
        local own = names
        if not one_window then
          own = {}
          for i = 1, #visits do
            own[i] = names[visits[i]]
          end
        end
        for place = 1, 3 do
          local key = KEYS[base + 6 + windows[w][place]]
          if #own > 0 and redis.call('EXISTS', key) == 1 then
            local found = asked_for('HMGET', key, own)
            for i = 1, #found do
              local at = found[i]
              if at then
                local visit = one_window and i or visits[i]
                if place == 1 or (place == 2 and tonumber(at) > offsets[visit])
                    or (place == 3 and tonumber(at) < offsets[visit]) then
                  repeated[visit] = true
                end
              end
            end
          end
        end
      end
    end
  end
  if #with_id > 0 then
    local names = eighths(ARGV[9])
    for i = 1, #with_id do
      id_of[with_id[i]] = names[i]
    end
    for _, key in ipairs({ ids, ids_before }) do
      local found = asked_for('SMISMEMBER', key, names)
      for i = 1, #found do
        if found[i] == 1 then
          marked[names[i]] = true
        end
      end
    end
  end
  if #newcomers > 0 then
    local names, called = eighths(ARGV[10]), {}
    for i = 1, #newcomers do
      called[i] = item_of[cells[newcomers[i]]]
      unknown[newcomers[i]] = names[i]
    end
    for _, key in ipairs({ known, known_before }) do
      local found = asked_for('SMISMEMBER', key, names)
      for i = 1, #found do
        if found[i] == 1 then
          unknown[newcomers[i]] = nil
        end
      end
    end
    local found = asked_for('HMGET', items, called)
    for i = 1, #found do
      if found[i] then
        unknown[newcomers[i]] = nil
      end
    end
  end

  local tokens, spent = 0, false
  if next(unknown) then
    local state = redis.call('HMGET', budget, 'tokens', 'at')
    local earlier = tonumber(state[2] or received)
    tokens = math.min(most, tonumber(state[1] or most) + math.max(0, received - earlier) * rate / 60)
  end
  local fresh, added, admitted, new_ids, new_known = {}, {}, {}, {}, {}
  for w = 1, #windows do
    fresh[w], added[w] = {}, {}  -- pair -> offset, and the same one after the other
  end
  for i = 1, #cells do
    local cell, id, stranger = cells[i], id_of[i], unknown[i]
    local w = one_window and 1 or window_of[i]
    local own = w > 0 and fresh[w]
    local pair, offset = pair_of[i], offsets[i]
    local outcome = '1'
    if repeated[i] or (id and marked[id]) then
      outcome = '0'
    elseif own then
      if own[pair] then
        outcome = '0'
      elseif not one_window then
        local before, after = fresh[windows[w][4]], fresh[windows[w][5]]
        if (before and (before[pair] or -1) > offset) or (after and (after[pair] or span) < offset) then
          outcome = '0'
        end
      end
    end
    if stranger and outcome == '1' and not admitted[stranger] then
      if shadow[cell] then
        outcome = 'n'  -- nobody's word makes an item known, a robot's least
      elseif tokens >= 1 then
        tokens, spent = tokens - 1, true
        admitted[stranger] = true
        new_known[#new_known + 1] = stranger
      else
        outcome = 'n'
      end
    end
    if outcome == '1' then
      gained[cell] = (gained[cell] or 0) + 1
      if own then
        own[pair] = offset
        local flat = added[w]
        local n = #flat
        flat[n + 1], flat[n + 2] = pair, offset
      end
    elseif outcome == '0' then
      again[cell] = (again[cell] or 0) + 1
    end
    if id and outcome ~= 'n' and not marked[id] then
      marked[id] = true
      new_ids[#new_ids + 1] = id
    end
    outcomes[i] = outcome
  end

  for w = 1, #windows do
    if #added[w] > 0 then
      local key = KEYS[base + 6 + windows[w][1]]
      written('HSET', key, added[w])
      redis.call('EXPIRE', key, seen_ttl)
    end
  end
  if #new_ids > 0 then
    written('SADD', ids, new_ids)
    redis.call('EXPIRE', ids, ids_ttl)
  end
  if #new_known > 0 then
    written('SADD', known, new_known)
    redis.call('EXPIRE', known, known_ttl)
  end
  if spent then
    redis.call('HSET', budget, 'tokens', tokens, 'at', received)
    redis.call('EXPIRE', budget, math.ceil(60 * most / rate))
  end
end

local result = table.concat(outcomes)
redis.call('SET', KEYS[1], result == '' and ARGV[1] or ARGV[1] .. ' ' .. result, 'EX', ARGV[2])
local sequence = redis.call('INCR', KEYS[2])
local cell = 0
for b = 1, #buckets do
  local bucket = buckets[b]
  local key = KEYS[first - 1 + b]
  for i = 3, #bucket, 2 do
    cell = cell + 1
    local n = bucket[i + 1] + (gained[cell] or 0)
    if n > 0 then
      redis.call('HINCRBY', key, bucket[i], n)
    end
    if again[cell] then
      redis.call('HINCRBY', key, '!duplicate' .. string.sub(bucket[i], (string.find(bucket[i], '|', 1, true))), again[cell])
    end
  end
  redis.call('EXPIREAT', key, bucket[2])
  redis.call('ZADD', KEYS[3], sequence, bucket[1])
end
for k = 2, 3 do
  if redis.call('TTL', KEYS[k]) < tonumber(ARGV[3]) then  -- what another call made longer stays so
    redis.call('EXPIRE', KEYS[k], ARGV[3])
  end
end
return result
