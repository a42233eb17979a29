-- Replaces the record of a live session, unless a newer version is stored.
-- Twin of `update` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: the record's version. 13: the record. 14: "1" if its process is about to end on
--        purpose.
-- Reply  `{}`; the refusal NOSESSION.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/node_record.lua

local function command()
  local sid = ARGV[11]
  if not live(sid) then return refuse('NOSESSION') end
  if ARGV[14] == '1' then
    local trace = trace_of(sid) or no_trace()
    trace.how = 'q'
    set_trace(sid, trace)
  end
  store_record(sid, counter(ARGV[12]) or 0, ARGV[13])
  return {}
end

-- @include shared/end.lua
