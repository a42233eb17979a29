-- Ends a session. Does nothing when it is not live.
-- Twin of `close` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: "1" if its process is gone, as a neighbour attests; otherwise it ends on purpose.
-- Reply  `{}`.
local needs_memory = false
-- @include shared/begin.lua

local function command()
  local sid = ARGV[11]
  if live(sid) then end_session(sid, ARGV[12] == '1' and 'g' or 'o', meta.now) end
  return {}
end

-- @include shared/end.lua
