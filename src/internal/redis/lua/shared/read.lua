-- Reads what the guard needs. A key of another type is answered, not failed on; a `meta` that lacks a field, or holds
-- something else than a number there, counts as missing (`fresh`).

local size_command = { meta = 'HLEN', sess = 'ZCARD', node = 'HLEN', spec = 'HLEN', tomb = 'HLEN', tombx = 'ZCARD',
  claim = 'HLEN', stat = 'HLEN', dead = 'ZCARD', log = 'XLEN', direct = 'HLEN', layout = 'HLEN', sessx = 'HLEN',
  trial = 'HLEN', round = 'HLEN', state = 'HLEN' }
local sizes = {}
for i, part in ipairs(PARTS) do
  -- Nothing depends on the history, so nothing fails by it.
  local size = part ~= 'hist' and redis.pcall(size_command[part], KEYS[i]) or 0
  if type(size) == 'table' then
    if string.find(size.err, 'WRONGTYPE', 1, true) then return { 'WRONGTYPE', KEYS[i] } end
    return size
  end
  sizes[part] = size
end

local meta_names = { 'layout', 'era', 'run', 'guarded', 'high', 'last', 'now', 'quarantine', 'ttl', 'maxStep',
  'log', 'collected', 'specs', 'claims', 'sessions', 'tombs' }
local meta_limits = { last = 9007199254740991, now = MAX_TIME, quarantine = MAX_TIME, ttl = MAX_DURATION,
  maxStep = MAX_DURATION }
local first_number = 5
local stored = redis.call('HMGET', meta_key, 'hist', 'marks', 'states', unpack(meta_names))
local hist_before = int(table.remove(stored, 1))
local marks = table.remove(stored, 1) or ''
-- An integrity count, too, which an older script that begins an era drops: then it is taken as it is.
local states = int(table.remove(stored, 1) or '', MAX_COUNTER)
if stored[1] and stored[1] ~= LAYOUT_VERSION then return { 'VERSION', stored[1] } end

-- The layout that the scope belongs to stands under a name that is the same in all layouts. A newer layout takes the
-- scope over when no session of an older one is left: the keys behind those of the parts are their `sess`.
local known_layout = sizes.layout > 0 and redis.call('HGET', layout_key, 'layout')
if known_layout ~= LAYOUT_VERSION then
  local older = known_layout and int(known_layout)
  if known_layout and not (older and older < tonumber(LAYOUT_VERSION)) then return { 'VERSION', known_layout } end
  for i = #PARTS + 1, #KEYS do
    local sessions = redis.pcall('ZCARD', KEYS[i])
    if type(sessions) == 'table' then return { 'WRONGTYPE', KEYS[i] } end
    if sessions > 0 then return { 'VERSION', str(i - #PARTS) } end
  end
end

-- Time and counter of an entry of the history that can be ours.
local function history_place(entry)
  local ms, at = string.match(entry[1], '^(%d+)-(%d+)$')
  ms, at = int(ms, MAX_SECONDS * 1000 + 999), int(at, MAX_HIGH)
  if ms and at then return ms, at end
  return nil
end

local function newest_history()
  local newest = redis.pcall('XREVRANGE', hist_key, '+', '-', 'COUNT', 1)[1]
  local ms, at
  if newest then ms, at = history_place(newest) end
  return ms or 0, at or 0
end

local fresh = not (stored[1] and stored[2] and stored[3])
local meta, before = { era = stored[2], run = stored[3], marks = marks, hist = hist_before or newest_history() }, {}
for i = first_number, #meta_names do
  local n = int(stored[i], meta_limits[meta_names[i]] or MAX_COUNTER)
  meta[meta_names[i]], before[meta_names[i]] = n, n
  if not n then fresh = true end
end

local newest = redis.call('XREVRANGE', log_key, '+', '-', 'COUNT', 1)

-- An entry at an absurd position is none. The stream takes no more behind it, and is begun anew (`write_log`).
local function position(entry) return counter(string.match(entry[1], '^%d+')) or math.huge end
local last_log = newest[1] and position(newest[1]) or 0
local is_log_absurd = last_log > MAX_COUNTER
if is_log_absurd then last_log = 0 end

local trust, keep_time, keep_count, keep_history, keep_history_time, by =
  string.match(ARGV[8], '^(1?)|(%d*)|(%d*)|(%d*)|(%d*)|(.*)$')
local reason
by, reason = string.match(by or '', '^([^ ]*) ?(.*)$')
keep_time = int(keep_time, MAX_TIME) or TOMBSTONE_RETENTION
keep_count = int(keep_count, MAX_COUNTER) or TOMBSTONE_COUNT
keep_history = int(keep_history, MAX_COUNTER) or HISTORY_COUNT
keep_history_time = int(keep_history_time, MAX_TIME) or HISTORY_AGE
local ttl, max_step, high = int(ARGV[6]), int(ARGV[7]), int(ARGV[3]) or 0
local spec, tomb, claim = hash(spec_key, sizes.spec), hash(tomb_key, sizes.tomb), hash(claim_key, sizes.claim)
local node, stat, direct = hash(node_key), hash(stat_key), hash(direct_key)
local sessx, trial, set_round = hash(sessx_key), hash(trial_key), hash(round_key)
local child_state = hash(state_key, sizes.state)
