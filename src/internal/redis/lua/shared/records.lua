-- Codecs of the stored records. Twin of registry/state.ts. A spec's body is told by its position in the record, so
-- that it need not be copied to be kept.

local function parse_spec(value)
  local g, s, op, flags, refused, body = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|()')
  local generation, stamp = counter(g), counter(s)
  if not generation or not stamp then return nil end
  return {
    generation = generation, stamp = stamp, op = op, refused = refused, value = value, body = body,
    birth = counter(string.match(flags, '%d+$')) or generation, stateful = string.find(flags, 's', 1, true) ~= nil,
    initial = string.find(flags, 'i', 1, true) ~= nil, failed = string.find(flags, 'f', 1, true) ~= nil
  }
end

local function body_of(spec) return string.sub(spec.value, spec.body) end

-- `life`: a record with the birth of the child's life, and whether that has a state; none for one that begins.
local function format_spec(generation, stamp, op, initial, failed, refused, body, life)
  return str(generation) .. '|' .. str(stamp) .. '|' .. op .. '|' .. (initial and 'i' or '')
    .. (failed and 'f' or '') .. (life and life.stateful and 's' or '')
    .. (life and life.birth ~= generation and str(life.birth) or '') .. '|' .. refused .. '|' .. body
end

local function parse_tomb(value)
  local s, g, op, by, how, flags = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([de])|([^|]*)$')
  local stamp, generation = counter(s), counter(g)
  if not stamp or not generation then return nil end
  return {
    stamp = stamp, generation = generation, op = op, by = by, how = how,
    initial = string.find(flags, 'i', 1, true) ~= nil, pruned = string.find(flags, 'p', 1, true) ~= nil
  }
end

local function format_tomb(stamp, generation, op, by, how, initial, pruned)
  return str(stamp) .. '|' .. str(generation) .. '|' .. op .. '|' .. by .. '|' .. how .. '|' .. (initial and 'i' or '')
    .. (pruned and 'p' or '')
end

local function parse_claim(value)
  local t, g, sid = string.match(value, '^(%d+):(%d+):(.+)$')
  local token, generation = counter(t), counter(g)
  if not token or not generation then return nil end
  return { token = token, generation = generation, sid = sid }
end

local function parse_directive(value)
  local s, what, u, op, a, by, reason = string.match(value, '^(%d+)|([cdu])|(%d+)|([^|]*)|(%d+)|([^|]*)|(.*)$')
  local stamp, til, at = counter(s), counter(u), counter(a)
  if not stamp or not til or not at then return nil end
  return { stamp = stamp, what = what, til = til, op = op, at = at, by = by, reason = reason }
end

local function format_directive(d)
  return str(d.stamp) .. '|' .. d.what .. '|' .. str(d.til) .. '|' .. d.op .. '|' .. str(d.at) .. '|' .. d.by .. '|'
    .. d.reason
end

local function parse_node(value)
  local v, o = string.match(value, '^(%d+)|(%d+)|')
  local version, opened = counter(v), counter(o)
  if not version or not opened then return nil end
  return { version = version, opened = opened }
end
