-- Reads states of children.
-- Twin of `peek` in registry/childStates.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        From 11 on: id*.
-- Reply  `{ quarantine left, { { "1", record or null }* } }`; `{ "" }` for one that does not fit.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/child_states.lua

local function peek_one(id)
  if not has_state(id) then return { '1' } end
  if states_full then return { '' } end
  local of = spec_of(id)
  if not of or not state_in(id, of.birth) then return { '1' } end
  return { tell_state(child_state:get(id)) }
end

local function command()
  local rows, ids = {}, ids_of(11, 1)
  spec:load(ids)
  for _, id in ipairs(ids) do rows[#rows + 1] = peek_one(id) end
  return { str(quarantine_left()), rows }
end

-- @include shared/end.lua
