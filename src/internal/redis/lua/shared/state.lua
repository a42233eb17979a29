-- Sessions, claims and the log: the operations that commands consist of. Twin of registry/state.ts. Nothing is written
-- before shared/end.lua.

-- Whether this command began a new era: sessions and counts of an earlier one are void.
local begun = false
local entries, deaths, is_reaped = {}, {}, {}
local expiry, expiry_changed = {}, {}
local held_known, held_changed = {}, {}
local tombx_changed = {}

local function draw()
  meta.high = meta.high + 1
  return meta.high
end

local function append(kind, id)
  meta.log = draw()
  entries[#entries + 1] = { at = meta.log, kind = kind, id = id }
end

-- @include shared/history.lua

local function live(sid)
  local at = expiry[sid]
  if at == nil then
    at = not begun and redis.call('ZSCORE', sess_key, sid)
    expiry[sid] = at
  end
  return at ~= false
end

local function expire_at(sid, at)
  expiry[sid] = at
  expiry_changed[sid] = true
end

local function held(sid)
  local count = held_known[sid]
  if count == nil then
    count = not begun and int(redis.call('HGET', meta_key, 'held:' .. sid)) or false
    held_known[sid] = count
  end
  return count
end

local function set_held(sid, count)
  held_known[sid] = count
  held_changed[sid] = true
end

local function count_claim(sid, by)
  local count = held(sid)
  if not count and not live(sid) then return end
  count = (count or 0) + by
  set_held(sid, count > 0 and count)
end

local function claim_of(id)
  local value = claim:get(id)
  return value and parse_claim(value) or nil
end

local function set_claim(id, new)
  local previous = claim_of(id)
  if previous then count_claim(previous.sid, -1) end
  if new then
    claim:set(id, str(new.token) .. ':' .. str(new.generation) .. ':' .. new.sid)
    if not held(new.sid) then set_held(new.sid, 0) end
    count_claim(new.sid, 1)
  else
    claim:set(id, false)
    local known = spec.known[id]
    if known == nil then known = redis.call('HEXISTS', spec_key, id) == 1 end
    if not known then stat:set(id, false) end
  end
  append('c', id)
end

local function trace_of(sid)
  local value = sessx.known[sid]
  if value == nil and sizes.sessx > 0 then value = sessx:get(sid) end
  return value and parse_trace(value) or nil
end

local function set_trace(sid, trace) sessx:set(sid, format_trace(trace)) end

-- `how`: `o` on purpose, `g` its process is gone, `r` its lease ended. `at`: the last proof that it lived.
local function trace_end(sid, how, at)
  local trace = trace_of(sid)
  if how == 'o' or (trace and trace.how == 'q') or not held(sid) then
    if sizes.sessx > 0 or sessx.known[sid] then sessx:set(sid, false) end
    return
  end
  trace = trace or no_trace()
  trace.how, trace.at, trace.floor = how, at, floor_at(at)
  set_trace(sid, trace)
end

local function end_session(sid, how, at)
  trace_end(sid, how, at)
  expire_at(sid, false)
  node:set(sid, false)
  set_held(sid, false)
  meta.sessions = meta.sessions - 1
  append('n', sid)
  deaths[#deaths + 1] = { at = meta.high, sid = sid }
  tell(how == 'o' and 'left' or how == 'g' and 'gone' or 'leaseLost', '', 0, sid, '')
  is_reaped[sid] = true
end

local function quarantine_left() return math.max(0, meta.quarantine - meta.now) end

local refusal

local function refuse(tag, ...) refusal = { tag, str(meta.now), str(meta.high), ... } end
