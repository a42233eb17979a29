-- Rounds of sets. Twin of registry/setRounds.ts.

local function parse_round(value)
  local r, f, op = string.match(value, '^(%d+)|(%d+)|([^|]*)$')
  local round, fence = counter(r), counter(f)
  if not round or not fence then return nil end
  return { round = round, fence = fence, op = op }
end

local function round_of(key)
  local value = set_round:get(key)
  return value and parse_round(value) or nil
end

-- A session begins to live that keeps a list: the round of its set is over.
local function end_round(key)
  if key ~= '' then set_round:set(key, false) end
end

-- Refuses the command unless its round is the youngest of the set. No set: it belongs to no round.
local function is_superseded(key, round)
  if key == '' then return false end
  local known = round_of(key)
  if known and known.round == int(round) then return false end
  refuse('SUPERSEDED')
  return true
end
