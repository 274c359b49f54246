-- Count one batch in one shard: all of it, or nothing if it was counted before, be it that this writer sends it again
-- because the reply was lost, or that a client sends its request again under one idempotency key. Of the batch's visits,
-- those that ask first (see ranking/intake/visits.py), the ones that repeat an earlier one are kept as shadow counts instead.
--
-- KEYS 1 writer      string   number of the writer's last counted batch, a space and that batch's outcomes
--      2 sequence    string   the shard's change number
--      3 touched     zset     "W:T" -> sequence of the bucket's last change
--      4 once        string   marks an idempotency key as counted, with the mark of its body; only where ARGV 4 is above 0
--      4/5.. counts  hash     one per bucket of the batch
--      and, only where there are visits, after those:
--      items         hash     described items
--      known now, known before   sets of items that are not described and yet known, by hash
--      budget        hash     tokens, at: of the bucket that new items are paid from
--      ids now, ids before       sets of event ids by hash
--      newcomers     hash     network -> new items that it has brought within this minute
--      pending       hash     item by hash -> what was refused of it: "W:T", expires at, channel, n, ...; `n` and a
--                             network -> "DAY:n", items that it has here since that day began
--      named now, named before   zsets  items that events with the site's key named
--      seen ..       hash     pair -> offset in seconds into the window at which it counted; one per window
-- ARGV 1 batch number, and behind a space, where the writer must not have counted anything since, its last one before
--      2 lifetime of the writer key, seconds
--      3 lifetime of sequence and touched, seconds
--      4 lifetime of the idempotency key, seconds, a space and the mark of the body (empty: any); 0: there is none
--      5 MessagePack: an array with one entry per bucket, in the order of their KEYS:
--        { "W:T", expires at (epoch seconds), field, n, field, n, ... }
--      and, only where there are visits:
--      6 MessagePack: { cell of each visit (from 0 over all fields), offset of each, window of each (empty: all 1; 0: no
--        pair), windows { own key, key before, key after, window before, window after }, visits with an id (from 0),
--        visits with a newcomer (from 0), { span, lifetime of known, lifetime of ids, lifetime of seen, received, tokens a minute,
--        most tokens, new items of a network a minute }, visits of likely items (from 0) }
--      7 pairs, 8 bytes per visit
--      8 the same under the previous salt, or nothing
--      9 hashes of the ids, 8 bytes per visit with an id
--      10 hashes of the newcomers' items, 8 bytes each
--      and, only where there are networks:
--      KEYS after those: day, day before, past, past before  hashes; see keys.py; reads ..  hash, one per window
--      11 MessagePack: { offset of each visit, window of each, windows { own key, key before }, { allowance, factor,
--         cold share, days, least days, most networks, heavy share, span, lifetime of reads, lifetime of days } }
--      12 networks, 8 bytes per visit: 0 of none, 255 not bounded
--      13 the same under the previous salt, or nothing
--      14 items of the cells, 8 bytes each
-- Returns the outcomes of the visits, a character each: 1 counted, 0 repeated, n refused, c concentrated; or the number 2 if the
-- idempotency key was counted before, 3 if it was with another body; 4 if the writer's last batch is another one.
local ARGUMENTS = 1000  -- of one call: Lua's stack holds no more than 8000
local MOST_PENDING, MOST_CELLS = 50000, 64  -- fields of `pending`, and cells of an item in it
local number, after = string.match(ARGV[1], '^(%d+) ?(%d*)$')
number = tonumber(number)
local kept = redis.call('GET', KEYS[1])
if kept then
  local last = string.match(kept, '^%d+')
  if number <= tonumber(last) then
    redis.call('EXPIRE', KEYS[1], ARGV[2])  -- a write, so that a wait behind this call waits for the first one too
    return number == tonumber(last) and string.sub(kept, #last + 2) or ''
  end
  if after ~= '' and last ~= after then
    return 4
  end
end
local first = 4
if ARGV[4] ~= '0' then
  local lifetime, body = string.match(ARGV[4], '^(%d+) (.*)$')
  local earlier = redis.call('GET', KEYS[4])
  if earlier then
    redis.call('EXPIRE', KEYS[2], ARGV[3])
    return (earlier == '' or body == '' or earlier == body) and 2 or 3
  end
  redis.call('SET', KEYS[4], body, 'EX', lifetime)
  first = 5
end
local buckets = cmsgpack.unpack(ARGV[5])

local outcomes = {}
local gained, again, crowded = {}, {}, {}  -- cell -> visits that counted, repeated, were one network's too many
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
  local span, known_ttl, ids_ttl, seen_ttl, received, rate, most, share = unpack(visits[7])
  local likely = {}
  for _, visit in ipairs(visits[8]) do
    likely[visit + 1] = true
  end
  local base = first - 1 + #buckets
  local items, known, known_before, budget = KEYS[base + 1], KEYS[base + 2], KEYS[base + 3], KEYS[base + 4]
  local ids, ids_before = KEYS[base + 5], KEYS[base + 6]
  local newcomers_of, pending = KEYS[base + 7], KEYS[base + 8]
  local seen_base = base + 10
  local pair_of, before_of = eighths(ARGV[7]), eighths(ARGV[8])
  local one_window = #window_of == 0 and #windows == 1
  for _, numbers in ipairs({ cells, with_id, newcomers }) do
    for i = 1, #numbers do
      numbers[i] = numbers[i] + 1
    end
  end
  local item_of, shadow = {}, {}  -- cell -> item, whether it counts events that were left out
  local bucket_of, channel_of = {}, {}  -- cell -> its bucket, its channel
  if #newcomers > 0 then
    local cell = 0
    for b = 1, #buckets do
      for i = 3, #buckets[b], 2 do
        cell = cell + 1
        local field = buckets[b][i]
        shadow[cell] = string.sub(field, 1, 1) == '!'
        local separator = string.find(field, '|', 1, true)
        item_of[cell] = string.sub(field, separator + 1)
        bucket_of[cell], channel_of[cell] = buckets[b], string.sub(field, 1, separator - 1)
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
          local key = KEYS[seen_base + windows[w][place]]
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
      local visit = newcomers[i]
      if found[i] or unknown[visit] and (redis.call('ZSCORE', KEYS[base + 9], called[i])
          or redis.call('ZSCORE', KEYS[base + 10], called[i])) then
        unknown[visit] = nil
      end
    end
  end

  -- Networks: how many reads one has brought to an item, see ranking/intake/networks.py for the rule.
  local NONE, UNBOUND, SHIFT = string.rep('\0', 8), string.rep('\255', 8), 1048576
  local network_of, network_before, item_hash, pair_name, day_keys = {}, {}, {}, {}, {}
  local network_offset, network_window, network_windows, rule
  local brought, before = {}, {}  -- per window: field -> reads * SHIFT + offset of the last one
  if ARGV[12] then
    local columns = cmsgpack.unpack(ARGV[11])
    network_offset, network_window, network_windows, rule = unpack(columns)
    network_of, network_before, item_hash = eighths(ARGV[12]), eighths(ARGV[13]), eighths(ARGV[14])
    local seen_keys = 0
    for w = 1, #windows do
      for place = 1, 3 do
        seen_keys = math.max(seen_keys, windows[w][place])
      end
    end
    for k = 1, 4 do
      day_keys[k] = KEYS[seen_base + seen_keys + k]
    end
    local reads_base = seen_base + seen_keys + 4
    for w = 1, #network_windows do
      local fields, index = {}, {}
      local function want(name)
        if not index[name] then
          local n = #fields + 1
          fields[n], index[name] = name, n
        end
      end
      for i = 1, #cells do
        if network_window[i] == w and network_of[i] ~= NONE and not repeated[i] then
          local item = item_hash[cells[i]]
          pair_name[i] = network_of[i] .. item
          want(item)
          want(pair_name[i])
          if network_before[i] and network_before[i] ~= NONE then
            want(network_before[i] .. item)
          end
        end
      end
      local own_key, earlier_key = KEYS[reads_base + network_windows[w][1]], KEYS[reads_base + network_windows[w][2]]
      network_windows[w] = own_key
      brought[w], before[w] = {}, {}
      local function read(key, into)
        local found = asked_for('HMGET', key, fields)
        for f = 1, #fields do
          if found[f] then
            into[fields[f]] = tonumber(found[f])
          end
        end
      end
      if #fields > 0 then
        read(own_key, brought[w])
        if redis.call('EXISTS', earlier_key) == 1 then
          read(earlier_key, before[w])
        end
      end
    end
  end

  -- Reads of a field within the span that ends now, those of the window before in full while its last lies within it.
  local function reads(w, name, offset)
    local own, earlier = brought[w][name], before[w][name]
    local count = own and math.floor(own / SHIFT) or 0
    return earlier and earlier % SHIFT > offset and count + math.floor(earlier / SHIFT) or count
  end

  local numbers = {}  -- key -> field -> its number, asked for once: none is looked at again once it is written
  local function number_in(key, field)
    local known = numbers[key] or {}
    numbers[key] = known
    known[field] = known[field] or tonumber(redis.call('HGET', key, field) or 0)
    return known[field]
  end

  local changed, network_was = {}, {}  -- per window: field -> true; network -> the same under the salt before
  local day_reads, day_total = {}, 0  -- network -> its reads that count now; all of them

  -- The network's usual share of the site.
  local share_of = {}
  local function usual_share(i, own, total)
    local network, earlier = network_of[i], network_before[i]
    local days = number_in(day_keys[3], 'days')
    if days < rule[5] then
      local today = number_in(day_keys[1], network) + (day_reads[network] or 0)
      local all = number_in(day_keys[1], 'all') + day_total
      if earlier and earlier ~= NONE then
        today, all = today + number_in(day_keys[2], earlier), all + number_in(day_keys[2], 'all')
      end
      local others = all - total
      return others > 0 and math.min(rule[3], math.max(0, today - own) / others) or 0
    end
    if not share_of[network] then
      local shares = {}
      for share in string.gmatch(redis.call('HGET', day_keys[3], network) or '', '%d+') do
        shares[#shares + 1] = tonumber(share) / 1000
      end
      for d = #shares + 1, days do
        shares[d] = 0
      end
      table.sort(shares)
      local half = (#shares + 1) / 2
      share_of[network] = (shares[math.floor(half)] + shares[math.ceil(half)]) / 2
    end
    return share_of[network]
  end

  local function one_too_many(i)
    local w, offset, item = network_window[i], network_offset[i], item_hash[cells[i]]
    local own = reads(w, pair_name[i], offset)
    if network_before[i] and network_before[i] ~= NONE then
      own = own + reads(w, network_before[i] .. item, offset)
    end
    if own + 1 <= rule[1] then
      return false
    end
    local total = reads(w, item, offset)
    local room = rule[1] + rule[2] * usual_share(i, own, total) * (total - own)
    return own + 1 > room
  end

  local function add_read(w, name, offset)
    local known = brought[w][name] or 0
    brought[w][name] = (math.floor(known / SHIFT) + 1) * SHIFT + math.max(known % SHIFT, offset)
    changed[w][name] = true
  end

  local function bring(i)
    local w, network = network_window[i], network_of[i]
    changed[w] = changed[w] or {}
    add_read(w, item_hash[cells[i]], network_offset[i])
    if network ~= UNBOUND then
      add_read(w, pair_name[i], network_offset[i])
    end
    day_reads[network] = (day_reads[network] or 0) + 1
    if network_before[i] and network_before[i] ~= NONE then
      network_was[network] = network_before[i]
    end
    day_total = day_total + 1
  end

  local tokens, spent = 0, false
  if next(unknown) then
    local state = redis.call('HMGET', budget, 'tokens', 'at')
    local earlier = tonumber(state[2] or received)
    tokens = math.min(most, tonumber(state[1] or most) + math.max(0, received - earlier) * rate / 60)
  end
  -- Whether a visit's item may be the next new one. Those come first that are likely, and networks that have brought none
  -- within this minute; one that has brought its share gets only what would else be lost.
  local brought_new = {}  -- network -> new items within this minute
  local function may_enter(i)
    if tokens < 1 then
      return false
    end
    local network = network_of[i]
    if share == 0 or not network or network == NONE or network == UNBOUND then
      return true
    end
    if not brought_new[network] then
      brought_new[network] = tonumber(redis.call('HGET', newcomers_of, network) or 0)
    end
    local n, kept_back = brought_new[network], 0
    if n >= share then
      kept_back = likely[i] and most / 2 or most - rate
    elseif n > 0 and not likely[i] then
      kept_back = most / 4
    end
    if tokens - 1 < kept_back then
      return false
    end
    brought_new[network] = n + 1
    return true
  end

  -- Keep what is refused of an item until it is described; false where there is no room for another item of the network.
  local waiting, day = {}, string.format('%d:', received / 86400)
  local function remember(i, item)
    local entry = waiting[item]
    if not entry then
      local packed = redis.call('HGET', pending, item)
      if packed then
        entry = cmsgpack.unpack(packed)
      else
        local network = network_of[i] or NONE
        local field = 'n' .. network
        local since, n = string.match(redis.call('HGET', pending, field) or '', '^(%d+:)(%d+)$')
        n = since == day and tonumber(n) or 0
        if network ~= NONE and n >= MOST_PENDING / 20 then
          return false
        end
        if redis.call('HLEN', pending) >= MOST_PENDING then
          redis.call('HDEL', pending, redis.call('HRANDFIELD', pending))
        end
        redis.call('HSET', pending, field, day .. (n + 1))
        entry = {}
      end
      waiting[item] = entry
    end
    local bucket, channel = bucket_of[cells[i]], channel_of[cells[i]]
    local latest
    for at = 1, #entry, 4 do
      if entry[at + 2] == channel then
        latest = at
        if entry[at] == bucket[1] then
          break
        end
      end
    end
    if latest and (entry[latest] == bucket[1] or #entry >= 4 * MOST_CELLS) then
      entry[latest + 3] = entry[latest + 3] + 1
    elseif #entry < 4 * MOST_CELLS then
      local n = #entry
      entry[n + 1], entry[n + 2], entry[n + 3], entry[n + 4] = bucket[1], bucket[2], channel, 1
    end
    return true
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
    local network = network_of[i]
    local bounded = network and network ~= NONE and rule[1] > 0
    if bounded and outcome == '1' and network ~= UNBOUND and one_too_many(i) then
      outcome = 'c'
    end
    if stranger and outcome == '1' and not admitted[stranger] then
      if shadow[cell] then
        outcome = 'n'  -- nobody's word makes an item known, a robot's least
      elseif may_enter(i) then
        tokens, spent = tokens - 1, true
        admitted[stranger] = true
        new_known[#new_known + 1] = stranger
      else
        outcome = 'n'
      end
    end
    local refused = stranger and not admitted[stranger]
    local counts = outcome == '1'
    if counts then
      gained[cell] = (gained[cell] or 0) + 1
    elseif outcome == 'n' and not shadow[cell] then
      counts = remember(i, stranger)  -- and so will its repeats not
    end
    if counts then
      if bounded then
        bring(i)
      end
      if own then
        own[pair] = offset
        local flat = added[w]
        local n = #flat
        flat[n + 1], flat[n + 2] = pair, offset
      end
    elseif outcome == '0' and not refused then
      again[cell] = (again[cell] or 0) + 1
    elseif outcome == 'c' and not refused then
      crowded[cell] = (crowded[cell] or 0) + 1
    end
    if id and counts and not marked[id] then  -- what did not count answers for nothing
      marked[id] = true
      new_ids[#new_ids + 1] = id
    end
    outcomes[i] = outcome
  end

  for w = 1, #windows do
    if #added[w] > 0 then
      local key = KEYS[seen_base + windows[w][1]]
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
  for w, names in pairs(changed) do
    local flat = {}
    for name in pairs(names) do
      local n = #flat
      flat[n + 1], flat[n + 2] = name, brought[w][name]
    end
    written('HSET', network_windows[w], flat)
    redis.call('EXPIRE', network_windows[w], rule[9])
  end
  if next(day_reads) then
    -- A day's reads; with the first of a day, what is known of the days before moves on to it.
    local today, yesterday, past, past_before = unpack(day_keys)
    local names = { 'all' }
    for network in pairs(day_reads) do
      names[#names + 1] = network
    end
    local found = asked_for('HMGET', today, names)
    local all = tonumber(found[1] or 0)
    local flat, known, all_before = { 'all', all + day_total }, nil, nil
    if all == 0 then
      all_before = number_in(yesterday, 'all')
      if all_before > 0 then
        redis.call('HSET', past, 'days', math.min(rule[4], number_in(past_before, 'days') + 1))
        redis.call('EXPIRE', past, rule[10])
      end
    end
    for n = 2, #names do
      local network, had = names[n], tonumber(found[n] or 0)
      local earlier = network_was[network]
      if had == 0 and earlier and network ~= UNBOUND then
        all_before = all_before or number_in(yesterday, 'all')
        local share = all_before > 0 and number_in(yesterday, earlier) / all_before or 0
        local shares = redis.call('HGET', past_before, earlier)
        if shares or share >= rule[7] then
          local kept = { string.format('%.0f', 1000 * share) }
          for one in string.gmatch(shares or '', '%d+') do
            if #kept < rule[4] then
              kept[#kept + 1] = one
            end
          end
          redis.call('HSET', past, network, table.concat(kept, ' '))
          redis.call('EXPIRE', past, rule[10])
        end
      end
      if network ~= UNBOUND then
        known = known or (had == 0 and redis.call('HLEN', today))
        if had > 0 or known < rule[6] then
          flat[#flat + 1], flat[#flat + 2] = network, had + day_reads[network]
        end
      end
    end
    written('HSET', today, flat)
    redis.call('EXPIRE', today, rule[10])
  end
  for network, n in pairs(brought_new) do
    redis.call('HSET', newcomers_of, network, n)
    redis.call('EXPIRE', newcomers_of, 120)
  end
  for item, entry in pairs(waiting) do
    redis.call('HSET', pending, item, cmsgpack.pack(entry))
    redis.call('EXPIRE', pending, ids_ttl)
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
    if crowded[cell] then
      redis.call('HINCRBY', key, '!concentrated' .. string.sub(bucket[i], (string.find(bucket[i], '|', 1, true))), crowded[cell])
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
