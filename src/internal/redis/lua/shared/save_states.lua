-- Storing states, which come as arguments: (id, token, birth, version, kind's version, body)*, from `from` on.

local function save_one(sid, i)
  local id, token, version = ARGV[i], int(ARGV[i + 1]), counter(ARGV[i + 3]) or 0
  local current = claim_of(id)
  if not current or current.token ~= token or current.sid ~= sid then return 'LOST' end
  local of = spec_of(id)
  if not of then return meta.now < meta.quarantine and not tomb:get(id) and 'QUARANTINE' or 'LOST' end
  if of.birth ~= int(ARGV[i + 2]) or version == 0 then return 'LOST' end
  local known = state_in(id, of.birth)
  if known and known.token > token then return 'OVERTAKEN' end
  if known and known.token == token and known.version >= version then return 'OLDER' end
  child_state:set(id, format_state(of.birth, token, version, meta.last, int(ARGV[i + 4]) or 0, node_of(sid), '',
    ARGV[i + 5]))
  mark_stateful(id, of)
  return 'STORED'
end

local function save_states(sid, from)
  if from > arg_count then return {} end
  local results, ids = {}, ids_of(from, 6)
  claim:load(ids)
  spec:load(ids)
  for i = from, arg_count, 6 do results[#results + 1] = save_one(sid, i) end
  return results
end
