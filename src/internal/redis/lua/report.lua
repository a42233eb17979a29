-- Stores the status of children that the session owns.
-- Twin of `report` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. From 12 on: (id, token, status, notes)*.
-- Reply  `{ number stored }`.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/trials.lua

local function command()
  local sid, count = ARGV[11], 0
  claim:load(ids_of(12, 4))
  for i = 12, arg_count, 4 do
    local id = ARGV[i]
    local current = claim_of(id)
    if current and current.token == int(ARGV[i + 1]) and current.sid == sid then
      prove_trial(id, current, false)
      stat:set(id, ARGV[i + 2])
      append('c', id)
      tell_notes(id, current.token, sid, ARGV[i + 3])
      count = count + 1
    end
  end
  return { str(count) }
end

-- @include shared/end.lua
