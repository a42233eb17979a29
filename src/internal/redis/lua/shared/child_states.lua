-- States of children: their codec, and what commands do with them. Twin of registry/childStates.ts. A body is told by
-- its position in the record, so that it need not be copied to be kept.

local function parse_state(value)
  local b, t, v, a, k, by, flag, body =
    string.match(value, '^(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([^|]*)|([^|]*)|()')
  local birth, token, version = counter(b), counter(t), counter(v)
  local at, kind_version = int(a), int(k)
  if not (birth and token and version and at and kind_version) then return nil end
  return { birth = birth, token = token, version = version, at = at, kind_version = kind_version, node = by,
    lost = string.find(flag, 'l', 1, true) ~= nil, body = body }
end

local function format_state(birth, token, version, at, kind_version, by, flag, body)
  return str(birth) .. '|' .. str(token) .. '|' .. str(version) .. '|' .. str(at) .. '|' .. str(kind_version) .. '|'
    .. by .. '|' .. flag .. '|' .. body
end

local function has_state(id)
  if child_state.known[id] ~= nil then return child_state.known[id] ~= false end
  return child_state.size > 0 and redis.call('HEXISTS', state_key, id) == 1
end

-- A state may be large, and is not read to be removed.
local function drop_state(id)
  if not has_state(id) then return end
  child_state.known[id] = child_state.known[id] or true
  child_state:set(id, false)
end

-- The state of one life of a child. A record of another life, or of another form, counts as none.
local function state_in(id, birth)
  local value = child_state.size > 0 and child_state:get(id)
  local record = value and parse_state(value)
  return record and record.birth == birth and record or nil
end

local function spec_of(id)
  local value = spec:get(id)
  return value and parse_spec(value) or nil
end

-- Notes in a child's spec that this life of it has a state: nothing restarts, and its stamp stays.
local function mark_stateful(id, old)
  if old.stateful then return end
  old.stateful = true
  spec:set(id, format_spec(old.generation, old.stamp, old.op, old.initial, old.failed, old.refused, body_of(old), old))
  append('s', id)
end

-- The node that a session belongs to, in the form in which records name it.
local function node_of(sid)
  local name = string.match(sid, '^(.*)#[^#]*$') or sid
  return (string.gsub(string.gsub(name, '%%', '%%25'), '|', '%%7C'))
end

local states_told, states_full = 0, false

-- "1" and the record; or "" where it does not fit.
local function tell_state(value)
  states_full = states_told + #value > MAX_PAGE_BYTES
  if states_full then return '' end
  states_told = states_told + #value
  return '1', value
end
