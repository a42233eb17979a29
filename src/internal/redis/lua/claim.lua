-- Grants claims: the exclusive right to run a generation of a child.
-- Twin of `claim` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: "1" if children on trial may be granted too, as one round; "2" as part of the round
--        before. From 13 on: (id, generation)*.
-- Reply  per id one of `{ "GRANTED", token, status or null, trial or null, birth, "1" if the state is told, state or
--        null }`, `{ "HELD", claim }`, `{ "STALE", spec }`, `{ "TRIAL", trial }`, `{ "PARKED", spec, status }`,
--        `{ "GONE" }`, `{ "MALFORMED" }`: a `ClaimResult`; the refusals NOSESSION and QUARANTINE.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/ids.lua
-- @include shared/store_spec.lua
-- @include shared/trials.lua
-- @include shared/judge.lua
-- @include shared/child_states.lua

-- Drops the claim of a dead holder.
local function drop_lost(id, current, note)
  set_claim(id, nil)
  tell('lost', id, current.token, current.sid, note)
end

local function death_cause(record)
  return 'its process died ' .. (record.deaths == 1 and 'once' or str(record.deaths) .. ' times')
    .. ' soon after it started'
end

local function park(id, old, holder, record)
  local why = death_cause(record)
  local status = str(holder.token) .. ':failed:' .. str(record.deaths) .. ':' .. str(meta.last) .. ':0:' .. why
    .. '\31' .. (string.match(holder.sid, '^(.*)#') or '')
  trial:set(id, false)
  stat:set(id, status)
  tell('failed', id, holder.token, holder.sid, why)
  local stamp = draw()
  return { 'PARKED', store_spec(id,
    format_spec(old.generation, stamp, old.op, old.initial, true, old.refused, body_of(old), old)), status }
end

-- What a new owner is told of the child's state: "1", and the record or null; or "" where it does not fit.
local function state_on_claim(id, of, token, sid)
  local has_one = has_state(id)
  if has_one and states_full then return '' end
  local known = has_one and state_in(id, of.birth)
  if known and not known.lost then
    mark_stateful(id, of)
    return tell_state(child_state:get(id))
  end
  if not known and not of.stateful then
    if has_one then drop_state(id) end
    return '1', false
  end
  local mark = format_state(of.birth, token, 0, meta.last, 0, node_of(sid), 'l', '')
  child_state:set(id, mark)
  return '1', mark
end

local function claim_one(sid, id, generation, round)
  local stored_spec = spec:get(id)
  local wanted = stored_spec and parse_spec(stored_spec)
  if stored_spec and not wanted then return { 'MALFORMED' } end
  local current = claim_of(id)
  local is_held = current and live(current.sid)
  if not wanted or wanted.failed then
    if current and not is_held then drop_lost(id, current, '') end
    return { 'GONE' }
  end
  if wanted.generation ~= generation then return { 'STALE', stored_spec } end
  if is_held then return { 'HELD', claim:get(id) } end
  local record, accused = judge(id, generation, current)
  if record and (accused or not round) then
    if current then drop_lost(id, current, accused and death_cause(record) or '') end
    if accused and record.deaths >= FATAL_DEATHS and record.certain >= FATAL_CERTAIN then
      return park(id, wanted, current, record)
    end
    return { 'TRIAL', format_trial(record) }
  end
  local token = draw()
  set_claim(id, { token = token, generation = generation, sid = sid })
  if record then begin_trial(id, record, token, round) end
  tell('claimed', id, token, sid, current and str(current.token) .. ':' .. current.sid or '')
  return { 'GRANTED', str(token), stat:get(id), trial.known[id] or false, str(wanted.birth),
    state_on_claim(id, wanted, token, sid) }
end

local function command()
  local sid, results, ids = ARGV[11], {}, ids_of(13, 2)
  local round = ARGV[12] ~= '' and { first = 0, size = 0, deaths = 0 } or nil
  if not live(sid) then return refuse('NOSESSION') end
  if meta.now < meta.quarantine then return refuse('QUARANTINE', str(quarantine_left())) end
  spec:load(ids)
  claim:load(ids)
  stat:load(ids)
  if sizes.trial > 0 then trial:load(ids) end
  for i = 13, arg_count, 2 do results[#results + 1] = claim_one(sid, ARGV[i], int(ARGV[i + 1]), round) end
  if round then note_round(sid, round, ARGV[12] == '2') end
  return results
end

-- @include shared/end.lua
