-- Renews a session: its lease lasts one ttl from now on. Sweeps tombstones away, so that they go at rest, too.
-- Twin of `tick` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session.
-- Reply  `{ claims held, quarantine left }`; the refusal NOSESSION.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/store_tomb.lua

local function command()
  local sid = ARGV[11]
  if not live(sid) then return refuse('NOSESSION') end
  expire_at(sid, meta.now + meta.ttl)
  sweep(TOMBSTONE_SWEEP_AT_REST)
  return { str(held(sid) or 0), str(quarantine_left()) }
end

-- @include shared/end.lua
