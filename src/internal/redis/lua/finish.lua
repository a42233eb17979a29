-- Ends (`ended`) or parks (`failed`) children, and releases their claims.
-- Twin of `finish` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. From 12 on: (id, generation, token, how, status)*.
-- Reply  per id `{ tag }` or `{ tag, spec or tombstone }`: a `FinishResult`.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/store_tomb.lua

local function finish_one(sid, id, generation, token, how, told)
  local current = claim_of(id)
  if not current or current.token ~= token or current.sid ~= sid then return { 'FENCED' } end
  local stored_spec = spec:get(id)
  local old = stored_spec and parse_spec(stored_spec)
  prove_trial(id, current, true)
  set_claim(id, nil)
  if not old or old.generation ~= generation then return { 'RELEASED' } end
  if how == 'ended' then return { 'ENDED', end_spec(id, old, '', 'e') } end
  forget_trial(id)
  stat:set(id, told)
  local stamp = draw()
  return { 'FAILED', store_spec(id,
    format_spec(old.generation, stamp, old.op, old.initial, true, old.refused, body_of(old))) }
end

local function command()
  local results, ids = {}, ids_of(12, 5)
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  for i = 12, arg_count, 5 do
    results[#results + 1] = finish_one(ARGV[11], ARGV[i], int(ARGV[i + 1]), int(ARGV[i + 2]), ARGV[i + 3],
      ARGV[i + 4])
  end
  return results
end

-- @include shared/end.lua
