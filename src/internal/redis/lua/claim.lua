-- Grants claims: the exclusive right to run a generation of a child.
-- Twin of `claim` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. From 12 on: (id, generation)*.
-- Reply  per id one of `{ "GRANTED", token, status or null }`, `{ "HELD", claim }`, `{ "STALE", spec }`, `{ "GONE" }`,
--        `{ "MALFORMED" }`: a `ClaimResult`; the refusals NOSESSION and QUARANTINE.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/ids.lua

local function claim_one(sid, id, generation)
  local stored_spec = spec:get(id)
  local wanted = stored_spec and parse_spec(stored_spec)
  if stored_spec and not wanted then return { 'MALFORMED' } end
  local current = claim_of(id)
  local is_held = current and live(current.sid)
  if not wanted or wanted.failed then
    if current and not is_held then set_claim(id, nil) end
    return { 'GONE' }
  end
  if wanted.generation ~= generation then return { 'STALE', stored_spec } end
  if is_held then return { 'HELD', claim:get(id) } end
  local token = draw()
  set_claim(id, { token = token, generation = generation, sid = sid })
  return { 'GRANTED', str(token), stat:get(id) }
end

local function command()
  local sid, results, ids = ARGV[11], {}, ids_of(12, 2)
  if not live(sid) then return refuse('NOSESSION') end
  if meta.now < meta.quarantine then return refuse('QUARANTINE', str(quarantine_left())) end
  spec:load(ids)
  claim:load(ids)
  stat:load(ids)
  for i = 12, arg_count, 2 do results[#results + 1] = claim_one(sid, ARGV[i], int(ARGV[i + 1])) end
  return results
end

-- @include shared/end.lua
