-- Ends specs, each of the generation that the caller saw.
-- Twin of `del` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11, 12: the set and the round that ask for it, or empty. 13: "1" if no list names them.
--        From 14 on: (id, op, generation, stamp)*.
-- Reply  per id `{ tag }` or `{ tag, spec or tombstone }`: a `DelResult`.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/child_states.lua
-- @include shared/store_tomb.lua
-- @include shared/set_rounds.lua

local function del_one(id, op, generation, stamp, pruned)
  local stored_spec = spec:get(id)
  if not stored_spec then
    local stored_tomb = tomb:get(id)
    local ended = stored_tomb and parse_tomb(stored_tomb)
    if ended and ended.by == op then return { 'GONE', stored_tomb } end
    return absent()
  end
  local old = parse_spec(stored_spec)
  if not old then return { 'MALFORMED' } end
  if not generation or old.generation > generation or (stamp ~= 0 and old.stamp ~= stamp) then
    return { 'NEWER', stored_spec }
  end
  local value = end_spec(id, old, op, 'd', pruned)
  local current = claim_of(id)
  tell('terminated', id, current and current.token or 0, current and current.sid or '', reason, 0, 1, by)
  if current and not live(current.sid) then set_claim(id, nil) end
  return { 'GONE', value }
end

local function command()
  if is_superseded(ARGV[11], ARGV[12]) then return end
  local results, ids, pruned = {}, ids_of(14, 4), ARGV[13] == '1'
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  for i = 14, arg_count, 4 do
    results[#results + 1] = del_one(ARGV[i], ARGV[i + 1], int(ARGV[i + 2]), int(ARGV[i + 3]), pruned)
  end
  return results
end

-- @include shared/end.lua
