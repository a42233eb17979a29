-- Tells the node of a name to cordon or drain itself, or undoes that. The same call answers as it did, and renews what
-- it wrote. Each directive sweeps a few expired ones away, and records of another form.
-- Twin of `direct` in registry/directives.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the node's name. 12: `c` cordon, `d` drain, `u` undo. 13: op. 14: by. 15: reason. 16: the highest counter
--        value that the caller had seen when the call began.
-- Reply  `{ { "STORED", record } }`, `{ { "NEWER", record } }` (another was given since) or `{ { "TOO_MANY" } }`.
-- A full memory does not refuse it: the records are bounded, and an operator may need it then.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/directives.lua

local size = sizes.direct

local function sweep()
  local due = {}
  for name, value in pairs(all_fields(direct_key)) do
    local directive = parse_directive(value)
    if not directive then
      direct:set(name, false)
      size = size - 1
    elseif directive.til <= meta.now then
      due[#due + 1] = { name = name, til = directive.til, stamp = directive.stamp }
    end
  end
  table.sort(due, function(a, b)
    if a.til ~= b.til then return a.til < b.til end
    if a.stamp ~= b.stamp then return a.stamp < b.stamp end
    return a.name < b.name
  end)
  for i = 1, math.min(#due, DIRECTIVE_SWEEP) do
    meta.collected = math.max(meta.collected, due[i].stamp)
    direct:set(due[i].name, false)
    size = size - 1
  end
end

local function renew(name, directive)
  if directive.til - meta.now < DIRECTIVE_RETENTION / 2 then directive.til = meta.now + DIRECTIVE_RETENTION end
  local value = format_directive(directive)
  direct:set(name, value)
  return value
end

local function give(name, what, op, by, reason, seen)
  local known = directive_of(name)
  if known and known.op == op then return { 'STORED', renew(name, known) } end
  if known and known.stamp > seen then return { 'NEWER', format_directive(known) } end
  if not known and size >= MAX_DIRECTIVES then return { 'TOO_MANY' } end
  local stamp = draw()
  local directive = { stamp = stamp, what = what, op = op, at = meta.last, by = by, reason = reason }
  local value = store_directive(name, directive)
  local word = what == 'c' and 'cordoned' or what == 'd' and 'drained' or 'uncordoned'
  tell(word, '', 0, name, reason, 0, 1, by)
  return { 'STORED', value }
end

local function command()
  sweep()
  return { give(ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15], int(ARGV[16]) or 0) }
end

-- @include shared/end.lua
