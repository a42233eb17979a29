-- Releases claims.
-- Twin of `release` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: how many claims. From 13 on: (id, token, code or revision that cannot run the child, or
--        empty, why, notes, status from then on, or empty)*, and behind them the states that are not stored yet: (id,
--        token, birth, version, kind's version, body)*.
-- Reply  `{ number released }`.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/trials.lua
-- @include shared/child_states.lua
-- @include shared/save_states.lua

local function refuse_spec(id, generation, code)
  local stored_spec = spec:get(id)
  local old = stored_spec and parse_spec(stored_spec)
  if not old or old.generation ~= generation then return end
  local codes = {}
  if old.refused ~= '' then
    for known in string.gmatch(old.refused .. ',', '([^,]*),') do
      if known == code then return end
      codes[#codes + 1] = known
    end
  end
  codes[#codes + 1] = code
  local refused = table.concat(codes, ',', math.max(1, #codes - MAX_REFUSED + 1))
  spec:set(id, format_spec(old.generation, old.stamp, old.op, old.initial, old.failed, refused, body_of(old), old))
  append('s', id)
end

local function command()
  local sid, released = ARGV[11], 0
  local last = 12 + 6 * int(ARGV[12])
  claim:load(ids_of(13, 6, last))
  save_states(sid, last + 1)
  for i = 13, last, 6 do
    local id, token, code = ARGV[i], int(ARGV[i + 1]), ARGV[i + 2]
    local current = claim_of(id)
    if current and current.token == token and current.sid == sid then
      tell_notes(id, token, sid, ARGV[i + 4])
      if code ~= '' then refuse_spec(id, current.generation, code) end
      prove_trial(id, current, true)
      if ARGV[i + 5] ~= '' then stat:set(id, ARGV[i + 5]) end
      set_claim(id, nil)
      -- One that a revision could not run was stopped, as by a move.
      tell((code == '' or string.sub(code, 1, 1) == '@') and 'stopped' or 'refused', id, token, sid, ARGV[i + 3])
      released = released + 1
    end
  end
  return { str(released) }
end

-- @include shared/end.lua
