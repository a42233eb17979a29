-- Merges specs, tombstones and directives from a node's memory into a new era: per id the highest rank wins.
-- Twin of `merge` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        From 11 on: (id, "spec", "tomb" or "direct", record)*; the id of a directive is the node's name.
-- Reply  `{ number of records stored }`.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/store_tomb.lua
-- @include shared/directives.lua

local function rank_of(record)
  return record.stamp + (record.initial and 0.5 or 0)
end

local function rank_of_stored(stored, parse)
  if not stored then return 0 end
  local record = parse(stored)
  return record and rank_of(record) or math.huge
end

local function rank_in(id)
  return math.max(rank_of_stored(spec:get(id), parse_spec), rank_of_stored(tomb:get(id), parse_tomb))
end

local function merge_directive(name, value)
  local new, old = parse_directive(value), directive_of(name)
  if not new or (old and new.stamp <= old.stamp) then return false end
  store_directive(name, new)
  return true
end

local function merge_one(id, kind, value)
  if kind == 'direct' then return merge_directive(id, value) end
  local new = nil
  if kind == 'spec' then new = parse_spec(value) end
  if kind == 'tomb' then new = parse_tomb(value) end
  if not new or rank_of(new) <= rank_in(id) then return false end
  if kind == 'spec' then
    store_spec(id,
      format_spec(new.generation, new.stamp, new.op, new.initial, new.failed, new.refused, body_of(new)))
  else
    local value = format_tomb(new.stamp, new.generation, new.op, new.by, new.how, new.initial, new.pruned)
    store_tomb(id, value, new.initial)
  end
  return true
end

local function command()
  local merged, ids = 0, ids_of(11, 3)
  spec:load(ids)
  tomb:load(ids)
  for i = 11, arg_count, 3 do
    if merge_one(ARGV[i], ARGV[i + 1], ARGV[i + 2]) then merged = merged + 1 end
  end
  return { str(merged) }
end

-- @include shared/end.lua
