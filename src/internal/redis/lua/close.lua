-- Ends a session. Does nothing when it is not live.
-- Twin of `close` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session.
-- Reply  `{}`.
local needs_memory = false
-- @include shared/begin.lua

local function command()
  local sid = ARGV[11]
  if live(sid) then end_session(sid) end
  return {}
end

-- @include shared/end.lua
