-- Codecs and rules of deaths and trials. Twin of registry/trialRecords.ts.

local function parse_trial(value)
  local g, d, c, u, t, a = string.match(value, '^(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)$')
  local generation, deaths, certain = counter(g), counter(d), counter(c)
  local due, token, at = counter(u), counter(t), counter(a)
  if not (generation and deaths and certain and due and token and at) then return nil end
  return { generation = generation, deaths = deaths, certain = certain, due = due, token = token, at = at }
end

local function format_trial(r)
  return str(r.generation) .. ':' .. str(r.deaths) .. ':' .. str(r.certain) .. ':' .. str(r.due) .. ':'
    .. str(r.token) .. ':' .. str(r.at)
end

local function parse_trace(value)
  local how, a, f, r, s, u, l, alone = string.match(value, '^([lqgr]):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):([01])$')
  local at, floor, round = counter(a), counter(f), counter(r)
  local since, til, left = counter(s), counter(u), counter(l)
  if not (at and floor and round and since and til and left) then return nil end
  return { how = how, at = at, floor = floor, round = round, since = since, til = til, left = left,
    alone = alone == '1' }
end

local function no_trace()
  return { how = 'l', at = 0, floor = 0, round = 0, since = 0, til = 0, left = 0, alone = false }
end

local function format_trace(t)
  return t.how .. ':' .. str(t.at) .. ':' .. str(t.floor) .. ':' .. str(t.round) .. ':' .. str(t.since) .. ':'
    .. str(t.til) .. ':' .. str(t.left) .. ':' .. (t.alone and '1' or '0')
end

local function proof_time() return math.floor(meta.ttl * 2 / 3) end

local function add_mark()
  local last = counter(string.match(meta.marks, ':(%d+)$'))
  local mark = str(meta.high) .. ':' .. str(meta.now)
  if not last then
    meta.marks = mark
  elseif meta.now >= last + math.max(1, math.floor(proof_time() / 4)) then
    local marks = {}
    for known in string.gmatch(meta.marks .. ',', '([^,]*),') do marks[#marks + 1] = known end
    marks[#marks + 1] = mark
    meta.marks = table.concat(marks, ',', math.max(1, #marks - MAX_MARKS + 1))
  end
end

local function floor_at(at)
  local floor = nil
  for token, clock in string.gmatch(meta.marks, '(%d+):(%d+)') do
    local n = counter(token)
    if n and (not floor or tonumber(clock) <= at - proof_time()) then floor = n end
  end
  return floor or MAX_COUNTER
end
