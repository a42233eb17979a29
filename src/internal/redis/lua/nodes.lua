-- Reads the live sessions and all directives.
-- Twin of `nodes` in registry/reads.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        None of its own.
-- Reply  `{ { node* }, { directive* } }` (shared/live_nodes.lua, shared/directives.lua).
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/live_nodes.lua
-- @include shared/directives.lua

local function command() return { live_nodes(), all_directives() } end
-- @include shared/end.lua
