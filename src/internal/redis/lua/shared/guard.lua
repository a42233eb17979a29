-- The guard of every command. Twin of registry/state.ts. Nothing is written before shared/end.lua.

if fresh then
  local latest = redis.call('ZREVRANGE', tombx_key, 0, 0, 'WITHSCORES')
  local now = math.max(0, (int(latest[2], MAX_TIME) or 0) - TOMBSTONE_TERM)
  for _, value in pairs(all_fields(direct_key)) do
    local directive = parse_directive(value)
    if directive and directive.til <= MAX_TIME then now = math.max(now, directive.til - DIRECTIVE_RETENTION) end
  end
  meta = { era = '', run = server_run, high = 0, last = time, quarantine = 0, ttl = ttl or USUAL_TTL,
    maxStep = max_step or USUAL_MAX_STEP, log = 0, now = now, collected = 0, marks = '', hist = newest_history() }
end

local idle = math.max(time - meta.last, 0)
meta.now = meta.now + math.min(idle, meta.maxStep)
meta.last = time
if fresh or meta.run ~= server_run or meta.specs ~= sizes.spec or meta.claims ~= sizes.claim
  or meta.sessions ~= sizes.sess or meta.sessions ~= sizes.node or meta.tombs ~= sizes.tomb
  or (states and states ~= sizes.state)
  or meta.high < last_log or high > meta.high or (stored[4] and known_layout ~= LAYOUT_VERSION) then
  local empty = sizes.sess == 0 and sizes.spec == 0 and sizes.tomb == 0 and sizes.claim == 0
  local trusted = fresh and trust == '1' and empty
  local seconds = math.floor(time / 1000)
  if seconds > MAX_SECONDS then seconds = 0 end
  local seed = math.max(seconds, int(ARGV[4]) or 0) * SEED_SHIFT
  local told_ms, told_at = newest_history()
  meta.high = math.max(meta.high, last_log, told_at, seed, high) + 1
  meta.hist = math.max(meta.hist, told_ms)
  meta.era, meta.run, meta.sessions = ARGV[5] .. '.' .. str(meta.high), server_run, 0
  meta.quarantine = trusted and meta.now or meta.now + math.max(meta.ttl, ttl or 0)
  begun, meta.marks = true, ''
  append('e', meta.era)
  tell('era', '', 0, '', meta.era)
end

meta.high = math.max(meta.high, high)
add_mark()
if not begun then
  local due = redis.call('ZRANGEBYSCORE', sess_key, '-inf', str(meta.now), 'WITHSCORES')
  for i = 1, #due, 2 do end_session(due[i], 'r', math.max(0, tonumber(due[i + 1]) - meta.ttl)) end
end

if begun or ARGV[1] ~= meta.era then
  refuse('ERA', meta.era, str(idle))
elseif ARGV[2] ~= '' and meta.now > tonumber(ARGV[2]) then
  refuse('EXPIRED')
end
