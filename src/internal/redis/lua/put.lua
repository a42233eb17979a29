-- Registers specs.
-- Twin of `put` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the mode (`PutMode`). 12, 13: the set and the round that ask for it, or empty.
--        From 14 on: (id, op, generation, body, stamp)*.
-- Reply  per id `{ tag }` or `{ tag, spec or tombstone }`: a `PutResult`.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/set_rounds.lua

local function create(id, op, body, initial, is_first, life)
  local generation = draw()
  stat:set(id, false)
  drop_trial(id)
  local stamp = is_first and 1 or generation
  return { 'CREATED', store_spec(id, format_spec(generation, stamp, op, initial, false, '', body, life)) }
end

local function mark_spec(id, stored_spec, old)
  if old.initial then return stored_spec end
  return store_spec(id,
    format_spec(old.generation, old.stamp, old.op, true, old.failed, old.refused, body_of(old), old))
end

local function mark_tomb(id, stored_tomb, ended)
  if ended.initial then return stored_tomb end
  local value = format_tomb(ended.stamp, ended.generation, ended.op, ended.by, ended.how, true, ended.pruned)
  tomb:set(id, value)
  tombx_changed[id] = false
  append('s', id)
  return value
end

local function ensure_present(id, op, body, stored_spec, by_list)
  local old = parse_spec(stored_spec)
  if not old then return { 'MALFORMED' } end
  if old.op == op then return { 'CREATED', stored_spec } end
  local kept = by_list and mark_spec(id, stored_spec, old) or stored_spec
  return { body_of(old) == body and 'SAME' or 'CONFLICT', kept }
end

local function ensure(id, op, body, mode)
  local by_list = mode == 'ensureInitial'
  local stored_spec = spec:get(id)
  if stored_spec then return ensure_present(id, op, body, stored_spec, by_list) end
  local stored_tomb = tomb:get(id)
  local ended = stored_tomb and parse_tomb(stored_tomb)
  if stored_tomb and not ended then return { 'MALFORMED' } end
  local stays = by_list and ended and not ended.pruned
  if ended and (stays or ended.op == op) then
    local kept = stays and mark_tomb(id, stored_tomb, ended) or stored_tomb
    return { ended.how == 'e' and 'DONE' or 'TERMINATED', kept }
  end
  if (not ended or by_list) and meta.now < meta.quarantine then return { 'QUARANTINE' } end
  if mode == 'start' then tell('registered', id, 0, '', reason, 0, 1, by) end
  return create(id, op, body, by_list or (ended and ended.initial), by_list and not ended)
end

-- `stamp`: of the record that the caller saw; 0 for any.
local function as_seen(old, stamp) return stamp == 0 or old.stamp == stamp end

local function supersede(id, op, generation, body, stamp, bump)
  local stored_spec = spec:get(id)
  if not stored_spec then return absent() end
  local old = parse_spec(stored_spec)
  if not old then return { 'MALFORMED' } end
  if old.op == op then return { 'CREATED', stored_spec } end
  if old.generation ~= generation or not as_seen(old, stamp) then return { 'CONFLICT', stored_spec } end
  tell(bump and 'restarted' or 'replaced', id, 0, '', reason, 0, 1, by)
  return create(id, op, bump and body_of(old) or body, old.initial, false, old)
end

local function retag(id, generation, body, stamp)
  local stored_spec = spec:get(id)
  if not stored_spec then return absent() end
  local old = parse_spec(stored_spec)
  if not old then return { 'MALFORMED' } end
  if old.generation ~= generation then return { 'CONFLICT', stored_spec } end
  if body_of(old) == body then return { 'SAME', stored_spec } end
  if not as_seen(old, stamp) then return { 'CONFLICT', stored_spec } end
  return { 'CREATED', store_spec(id,
    format_spec(old.generation, draw(), old.op, old.initial, old.failed, old.refused, body, old)) }
end

local function command()
  if is_superseded(ARGV[12], ARGV[13]) then return end
  local mode, results, ids = ARGV[11], {}, ids_of(14, 5)
  spec:load(ids)
  tomb:load(ids)
  for i = 14, arg_count, 5 do
    local id, op, generation, body = ARGV[i], ARGV[i + 1], int(ARGV[i + 2]), ARGV[i + 3]
    local stamp = int(ARGV[i + 4])
    if mode == 'retag' then
      results[#results + 1] = retag(id, generation, body, stamp)
    elseif mode == 'replace' or mode == 'bump' then
      results[#results + 1] = supersede(id, op, generation, body, stamp, mode == 'bump')
    else
      results[#results + 1] = ensure(id, op, body, mode)
    end
  end
  return results
end

-- @include shared/end.lua
