-- Stores states of children whose claims the session holds.
-- Twin of `save` in registry/childStates.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. From 12 on: (id, token, birth, version, kind's version, body)*.
-- Reply  a tag per value: a `SaveResult`.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/child_states.lua
-- @include shared/save_states.lua

local function command() return save_states(ARGV[11], 12) end

-- @include shared/end.lua
