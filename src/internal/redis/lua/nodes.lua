-- Reads the live sessions.
-- Twin of `nodes` in registry/reads.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        None of its own.
-- Reply  per session `{ sid, record }`.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/live_nodes.lua

local function command() return live_nodes() end
-- @include shared/end.lua
