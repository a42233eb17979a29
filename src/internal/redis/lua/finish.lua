-- Ends (`ended`) or parks (`failed`) children, and releases their claims.
-- Twin of `finish` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: how many children. From 13 on: (id, generation, token, how, status, why, notes)*, and
--        behind them the states that are not stored yet, as in release.lua.
-- Reply  per id `{ tag }` or `{ tag, spec or tombstone }`: a `FinishResult`.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/child_states.lua
-- @include shared/save_states.lua
-- @include shared/store_tomb.lua

local function finish_one(sid, id, generation, token, how, status, why, notes)
  local current = claim_of(id)
  if not current or current.token ~= token or current.sid ~= sid then return { 'FENCED' } end
  local stored_spec = spec:get(id)
  local old = stored_spec and parse_spec(stored_spec)
  tell_notes(id, token, sid, notes)
  prove_trial(id, current, true)
  set_claim(id, nil)
  local is_of_this = old and old.generation == generation
  -- The cause is that of an end. Here another call was first: this run gives way to it.
  if not is_of_this then
    tell('stopped', id, token, sid, old and 'replaced' or 'terminated')
    return { 'RELEASED' }
  end
  tell(how, id, token, sid, why)
  if how == 'ended' then return { 'ENDED', end_spec(id, old, '', 'e') } end
  forget_trial(id)
  stat:set(id, status)
  local stamp = draw()
  return { 'FAILED', store_spec(id,
    format_spec(old.generation, stamp, old.op, old.initial, true, old.refused, body_of(old), old)) }
end

local function command()
  local last = 12 + 7 * int(ARGV[12])
  local results, ids = {}, ids_of(13, 7, last)
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  save_states(ARGV[11], last + 1)
  for i = 13, last, 7 do
    results[#results + 1] = finish_one(ARGV[11], ARGV[i], int(ARGV[i + 1]), int(ARGV[i + 2]), ARGV[i + 3],
      ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
  end
  return results
end

-- @include shared/end.lua
