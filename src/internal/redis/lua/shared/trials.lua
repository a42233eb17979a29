-- Trials: proof, and the end of a child's trial. Twin of registry/suspects.ts.

local function trial_of(id)
  local value = trial.known[id]
  if value == nil and sizes.trial > 0 then value = trial:get(id) end
  return value and parse_trial(value) or nil
end

local function leave_round(current)
  local trace = trace_of(current.sid)
  if not trace or trace.left == 0 or current.token < trace.round then return end
  trace.left = trace.left - 1
  set_trace(current.sid, trace)
end

local function forget_trial(id)
  if trial.known[id] or (trial.known[id] == nil and sizes.trial > 0) then trial:set(id, false) end
end

local function drop_trial(id)
  local record = trial_of(id)
  local current = record and claim_of(id)
  if current and current.token == record.token then leave_round(current) end
  forget_trial(id)
end

local function prove_trial(id, current, ends)
  local record = trial_of(id)
  if not record or record.token ~= current.token then return end
  local over = meta.now - record.at >= proof_time()
  if over then trial:set(id, false) end
  if over or ends then leave_round(current) end
end
