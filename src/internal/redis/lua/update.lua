-- Replaces the record of a live session, unless a newer version is stored.
-- Twin of `update` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: the record's version. 13: the record.
-- Reply  `{}`; the refusal NOSESSION.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/node_record.lua

local function command()
  local sid = ARGV[11]
  if not live(sid) then return refuse('NOSESSION') end
  store_record(sid, counter(ARGV[12]) or 0, ARGV[13])
  return {}
end

-- @include shared/end.lua
