-- Storing states, which come as arguments: (id, token, birth, version, kind's version, body)*, from `from` on.

-- The birth of a child whose spec may not have been given back yet: that which the holder of its claim names.
local function awaited_birth(id, birth)
  if meta.now >= meta.quarantine or spec:get(id) or tomb:get(id) then return nil end
  return birth
end

local function save_one(sid, by, i)
  local id, token, version = ARGV[i], int(ARGV[i + 1]), counter(ARGV[i + 3]) or 0
  local current = claim_of(id)
  if not current or current.token ~= token or current.sid ~= sid then return 'LOST' end
  local of = spec_of(id)
  local birth = counter(ARGV[i + 2])
  local expected = of and of.birth or awaited_birth(id, birth)
  if not birth or birth ~= expected or version == 0 then return 'LOST' end
  local known = state_in(id, birth)
  if known and known.token > token then return 'OVERTAKEN' end
  if known and known.token == token and known.version >= version then return 'OLDER' end
  child_state:set(id, format_state(birth, token, version, meta.last, int(ARGV[i + 4]) or 0, by, '',
    ARGV[i + 5]))
  if of then mark_stateful(id, of) end
  return 'STORED'
end

local function save_states(sid, from)
  if from > arg_count then return {} end
  local results, ids, by = {}, ids_of(from, 6), node_of(sid)
  claim:load(ids)
  spec:load(ids)
  if child_state.size > 0 then child_state:load(ids) end
  for i = from, arg_count, 6 do results[#results + 1] = save_one(sid, by, i) end
  return results
end
