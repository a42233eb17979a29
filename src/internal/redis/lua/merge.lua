-- Merges specs, tombstones, directives and states from a node's memory into a new era. Per id the highest rank wins.
-- Twin of `merge` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the sender's session, or empty. From 12 on: (id, "spec", "tomb", "direct" or "state", record)*; the id of
--        a directive is the node's name.
-- Reply  `{ number of records stored }`.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/child_states.lua
-- @include shared/store_tomb.lua
-- @include shared/directives.lua

-- Whether a record outranks a stored one. One that cannot be parsed outranks everything.
local function outranks(new, stored, parse)
  if not stored then return new.stamp > 0 or new.initial or new.stateful end
  local old = parse(stored)
  if not old then return false end
  if new.stamp ~= old.stamp then return new.stamp > old.stamp end
  if new.initial ~= old.initial then return new.initial end
  return new.stateful and not old.stateful
end

-- Two memories of one record: each may have missed a mark that the other knows.
local function join(new, stored)
  local old = stored and parse_spec(stored)
  if not old or old.stamp ~= new.stamp or old.generation ~= new.generation then return end
  new.initial, new.stateful = new.initial or old.initial, new.stateful or old.stateful
end

local function merge_state(id, value)
  local new, of = parse_state(value), spec_of(id)
  if not new or new.lost or not of or new.birth ~= of.birth then return false end
  local old = state_in(id, of.birth)
  if old and (new.token < old.token or (new.token == old.token and new.version <= old.version)) then return false end
  local current = claim_of(id)
  local is_held = current and current.sid ~= ARGV[11] and live(current.sid)
  if is_held and meta.now >= meta.quarantine then return false end
  child_state:set(id, format_state(new.birth, new.token, new.version, new.at, new.kind_version, new.node, '',
    string.sub(value, new.body)))
  mark_stateful(id, of)
  return true
end

local function merge_directive(name, value)
  local new, old = parse_directive(value), directive_of(name)
  if not new or (old and new.stamp <= old.stamp) then return false end
  store_directive(name, new)
  return true
end

local function merge_one(id, kind, value)
  if kind == 'direct' then return merge_directive(id, value) end
  if kind == 'state' then return merge_state(id, value) end
  local new = nil
  if kind == 'spec' then new = parse_spec(value) end
  if kind == 'tomb' then new = parse_tomb(value) end
  if not new then return false end
  if kind == 'spec' then join(new, spec:get(id)) end
  if not outranks(new, spec:get(id), parse_spec) or not outranks(new, tomb:get(id), parse_tomb) then return false end
  if kind == 'spec' then
    store_spec(id,
      format_spec(new.generation, new.stamp, new.op, new.initial, new.failed, new.refused, body_of(new), new))
  else
    local value = format_tomb(new.stamp, new.generation, new.op, new.by, new.how, new.initial, new.pruned)
    store_tomb(id, value, new.initial)
  end
  return true
end

local function command()
  local merged, ids = 0, ids_of(12, 3)
  spec:load(ids)
  tomb:load(ids)
  for i = 12, arg_count, 3 do
    if merge_one(ARGV[i], ARGV[i + 1], ARGV[i + 2]) then merged = merged + 1 end
  end
  return { str(merged) }
end

-- @include shared/end.lua
