-- Judging a child whose claim is a dead session's, or that waits for a trial, and granting trials. Twin of
-- registry/suspects.ts and of the rules in registry/trialRecords.ts.

local function trial_delay(deaths)
  if deaths < 2 then return 0 end
  local proof = proof_time()
  return math.min(math.floor(proof / 10) * 2 ^ math.min(deaths - 2, 10), 6 * proof)
end

local function hold_of(deaths)
  local proof = proof_time()
  return deaths >= 3 and proof or deaths * math.floor(proof / 10)
end

local function is_accused(trace, token, record)
  if not trace or (trace.how ~= 'g' and trace.how ~= 'r') then return false end
  local proof = proof_time()
  local is_held = trace.left > 0 and trace.til > trace.at
  if record and record.token == token then
    if is_held then return token >= trace.round end
    return trace.at - record.at <= proof
  end
  local is_trying = trace.left > 0 and trace.at - trace.since <= proof
  return not is_held and not is_trying and token > trace.floor
end

local function accuse(trace, holder, record)
  local certain = record and record.token == holder.token and trace.alone and holder.token >= trace.round
  local deaths = (record and record.deaths or 0) + 1
  return { generation = holder.generation, deaths = deaths,
    certain = (record and record.certain or 0) + (certain and 1 or 0), due = meta.now + trial_delay(deaths),
    token = 0, at = meta.now }
end

-- The child's record, and whether the death of the claim's holder was counted against it just now.
local function judge(id, generation, holder)
  local trace = holder and trace_of(holder.sid)
  local record = trial_of(id)
  if record and (record.generation ~= generation or record.at > meta.now) then record = nil end
  if record and holder and holder.token == record.token and trace and trace.at - record.at > proof_time() then
    record = nil
  end
  if not record then forget_trial(id) end
  local is_of_this = holder and holder.generation == generation
  if not is_of_this or not is_accused(trace, holder.token, record) then return record, false end
  local accused = accuse(trace, holder, record)
  trial:set(id, format_trial(accused))
  return accused, true
end

local function begin_trial(id, record, token, round)
  record.token, record.at = token, meta.now
  trial:set(id, format_trial(record))
  if round.size == 0 then round.first = token end
  round.size = round.size + 1
  round.deaths = math.max(round.deaths, record.deaths)
end

local function note_round(sid, round, goes_on)
  if round.size == 0 then return end
  local trace = trace_of(sid) or no_trace()
  local til = meta.now + hold_of(round.deaths)
  if goes_on and trace.round > 0 and meta.now < trace.til then
    trace.til, trace.left, trace.alone = til, trace.left + round.size, false
    return set_trace(sid, trace)
  end
  local is_first = trace.round == 0 or meta.now - trace.since >= proof_time()
  trace.round, trace.since, trace.til = round.first, meta.now, til
  trace.left, trace.alone = round.size, round.size == 1 and is_first
  set_trace(sid, trace)
end
