-- Begins a round of reconciling a set: those that were begun before may change nothing any more. The same call answers
-- as it did.
-- Twin of `begin` in registry/setRounds.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the set, `kind/set` or that of a list. 12: op. 13: the fence, or empty for none. 14, 15: the session, and
--        the round that it has read of, or empty.
-- Reply  `{ quarantine, { "BEGUN", round } }`, or FENCED and the fence, or UNSEEN and the youngest round: a
--        `BeginResult`.
-- A full memory does not refuse it: the records are bounded, and ends may follow.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/set_rounds.lua

local function make_room()
  if sizes.round < MAX_SET_ROUNDS then return end
  local size, oldest, first = sizes.round, nil, nil
  for key, value in pairs(all_fields(round_key)) do
    local known = parse_round(value)
    if not known then
      set_round:set(key, false)
      size = size - 1
    elseif not first or known.round < first then
      oldest, first = key, known.round
    end
  end
  if oldest and size >= MAX_SET_ROUNDS then set_round:set(oldest, false) end
end

local function begin_round(key, op, fence, sid, seen)
  local known = round_of(key)
  if known and known.op == op then return { 'BEGUN', str(known.round) } end
  local youngest = known and known.round or 0
  if sid ~= '' and not (live(sid) and seen == youngest) then return { 'UNSEEN', str(youngest) } end
  local highest = known and known.fence or 0
  if fence > 0 and fence < highest then return { 'FENCED', str(highest) } end
  if not set_round:get(key) then make_room() end
  local round = draw()
  set_round:set(key, str(round) .. '|' .. str(math.max(fence, highest)) .. '|' .. op)
  return { 'BEGUN', str(round) }
end

local function command()
  return { str(quarantine_left()),
    begin_round(ARGV[11], ARGV[12], int(ARGV[13]) or 0, ARGV[14], int(ARGV[15])) }
end

-- @include shared/end.lua
