/**
 * The texts of the Lua files and what each command's script consists of. Written by `npm run lua`: do not edit.
 *
 * @internal
 */

/** Texts by file and first line. */
export const pieces: { readonly [piece: string]: string } = {
  "begin.lua:12": `local needs_memory = false
`,
  "shared/numbers.lua:6": `local function int(text, most)
if not text or #text > 16 or not string.find(text, '^%d+$') then return nil end
local n = tonumber(text)
if n <= (most or 9007199254740991) then return n end
return nil
end

local function counter(text) return int(text, MAX_COUNTER) end

local function str(n) return string.format('%.0f', n) end
`,
  "shared/hashes.lua:5": `local dirty = false

local function write(...)
local reply = redis.call(...)
dirty = true
return reply
end

local function write_many(command, key, args)
for from = 1, #args, 1000 do
write(command, key, unpack(args, from, math.min(from + 999, #args)))
end
end


local function all_fields(key)
local all, cursor = {}, '0'
repeat
local step = redis.call('HSCAN', key, cursor, 'COUNT', '1000')
for i = 1, #step[2], 2 do all[step[2][i]] = step[2][i + 1] end
cursor = step[1]
until cursor == '0'
return all
end

local Hash = {}
Hash.__index = Hash

local function hash(key, size)
return setmetatable({ key = key, size = size, known = {}, changed = {} }, Hash)
end

function Hash:load(ids)
local missing = {}
for _, id in ipairs(ids) do
if self.known[id] == nil then missing[#missing + 1] = id end
end
for from = 1, #missing, 1000 do
local values = redis.call('HMGET', self.key, unpack(missing, from, math.min(from + 999, #missing)))
for i = 1, #values do self.known[missing[from + i - 1]] = values[i] end
end
end

function Hash:get(id)
local value = self.known[id]
if value == nil then
value = redis.call('HGET', self.key, id)
self.known[id] = value
end
return value
end

function Hash:set(id, value)
if self.size then
local before = self:get(id)
if before and not value then self.size = self.size - 1 end
if value and not before then self.size = self.size + 1 end
end
self.known[id] = value
self.changed[id] = true
end

function Hash:flush()
local sets, drops = {}, {}
for id in pairs(self.changed) do
local value = self.known[id]
if value then
sets[#sets + 1] = id
sets[#sets + 1] = value
else
drops[#drops + 1] = id
end
end
write_many('HSET', self.key, sets)
write_many('HDEL', self.key, drops)
end
`,
  "shared/records.lua:4": `local function parse_spec(value)
local g, s, op, flags, refused, body = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|()')
local generation, stamp = counter(g), counter(s)
if not generation or not stamp then return nil end
return {
generation = generation, stamp = stamp, op = op, refused = refused, value = value, body = body,
birth = counter(string.match(flags, '%d+$')) or generation, stateful = string.find(flags, 's', 1, true) ~= nil,
initial = string.find(flags, 'i', 1, true) ~= nil, failed = string.find(flags, 'f', 1, true) ~= nil
}
end

local function body_of(spec) return string.sub(spec.value, spec.body) end


local function format_spec(generation, stamp, op, initial, failed, refused, body, life)
return str(generation) .. '|' .. str(stamp) .. '|' .. op .. '|' .. (initial and 'i' or '')
.. (failed and 'f' or '') .. (life and life.stateful and 's' or '')
.. (life and life.birth ~= generation and str(life.birth) or '') .. '|' .. refused .. '|' .. body
end

local function parse_tomb(value)
local s, g, op, by, how, flags = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([de])|([^|]*)$')
local stamp, generation = counter(s), counter(g)
if not stamp or not generation then return nil end
return {
stamp = stamp, generation = generation, op = op, by = by, how = how,
initial = string.find(flags, 'i', 1, true) ~= nil, pruned = string.find(flags, 'p', 1, true) ~= nil
}
end

local function format_tomb(stamp, generation, op, by, how, initial, pruned)
return str(stamp) .. '|' .. str(generation) .. '|' .. op .. '|' .. by .. '|' .. how .. '|' .. (initial and 'i' or '')
.. (pruned and 'p' or '')
end

local function parse_claim(value)
local t, g, sid = string.match(value, '^(%d+):(%d+):(.+)$')
local token, generation = counter(t), counter(g)
if not token or not generation then return nil end
return { token = token, generation = generation, sid = sid }
end

local function parse_directive(value)
local s, what, u, op, a, by, reason = string.match(value, '^(%d+)|([cdu])|(%d+)|([^|]*)|(%d+)|([^|]*)|(.*)$')
local stamp, til, at = counter(s), counter(u), counter(a)
if not stamp or not til or not at then return nil end
return { stamp = stamp, what = what, til = til, op = op, at = at, by = by, reason = reason }
end

local function format_directive(d)
return str(d.stamp) .. '|' .. d.what .. '|' .. str(d.til) .. '|' .. d.op .. '|' .. str(d.at) .. '|' .. d.by .. '|'
.. d.reason
end

local function parse_node(value)
local v, o = string.match(value, '^(%d+)|(%d+)|')
local version, opened = counter(v), counter(o)
if not version or not opened then return nil end
return { version = version, opened = opened }
end
`,
  "shared/clock.lua:5": `local arg_count = #ARGV
local clock = redis.call('TIME')
local time = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local server_run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not server_run then return redis.error_reply('ERR INFO server tells no run_id') end
`,
  "shared/read.lua:4": `local size_command = { meta = 'HLEN', sess = 'ZCARD', node = 'HLEN', spec = 'HLEN', tomb = 'HLEN', tombx = 'ZCARD',
claim = 'HLEN', stat = 'HLEN', dead = 'ZCARD', log = 'XLEN', direct = 'HLEN', layout = 'HLEN', sessx = 'HLEN',
trial = 'HLEN', round = 'HLEN', state = 'HLEN' }
local sizes = {}
for i, part in ipairs(PARTS) do

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

local states = int(table.remove(stored, 1) or '', MAX_COUNTER)
if stored[1] and stored[1] ~= LAYOUT_VERSION then return { 'VERSION', stored[1] } end



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
`,
  "shared/trial_records.lua:3": `local function parse_trial(value)
local g, d, c, u, t, a = string.match(value, '^(%d+):(%d+):(%d+):(%d+):(%d+):(%d+)$')
local generation, deaths, certain = counter(g), counter(d), counter(c)
local due, token, at = counter(u), counter(t), counter(a)
if not (generation and deaths and certain and due and token and at) then return nil end
return { generation = generation, deaths = deaths, certain = certain, due = due, token = token, at = at }
end

local function format_trial(r)
return str(r.generation) .. ':' .. str(r.deaths) .. ':' .. str(r.certain) .. ':' .. str(r.due) .. ':'
.. str(r.token) .. ':' .. str(r.at)
end

local function parse_trace(value)
local how, a, f, r, s, u, l, alone = string.match(value, '^([lqgr]):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):([01])$')
local at, floor, round = counter(a), counter(f), counter(r)
local since, til, left = counter(s), counter(u), counter(l)
if not (at and floor and round and since and til and left) then return nil end
return { how = how, at = at, floor = floor, round = round, since = since, til = til, left = left,
alone = alone == '1' }
end

local function no_trace()
return { how = 'l', at = 0, floor = 0, round = 0, since = 0, til = 0, left = 0, alone = false }
end

local function format_trace(t)
return t.how .. ':' .. str(t.at) .. ':' .. str(t.floor) .. ':' .. str(t.round) .. ':' .. str(t.since) .. ':'
.. str(t.til) .. ':' .. str(t.left) .. ':' .. (t.alone and '1' or '0')
end

local function proof_time() return math.floor(meta.ttl * 2 / 3) end

local function add_mark()
local last = counter(string.match(meta.marks, ':(%d+)$'))
local mark = str(meta.high) .. ':' .. str(meta.now)
if not last then
meta.marks = mark
elseif meta.now >= last + math.max(1, math.floor(proof_time() / 4)) then
local marks = {}
for known in string.gmatch(meta.marks .. ',', '([^,]*),') do marks[#marks + 1] = known end
marks[#marks + 1] = mark
meta.marks = table.concat(marks, ',', math.max(1, #marks - MAX_MARKS + 1))
end
end

local function floor_at(at)
local floor = nil
for token, clock in string.gmatch(meta.marks, '(%d+):(%d+)') do
local n = counter(token)
if n and (not floor or tonumber(clock) <= at - proof_time()) then floor = n end
end
return floor or MAX_COUNTER
end
`,
  "shared/state.lua:5": `local begun = false
local entries, deaths, is_reaped = {}, {}, {}
local expiry, expiry_changed = {}, {}
local held_known, held_changed = {}, {}
local tombx_changed = {}

local function draw()
meta.high = meta.high + 1
return meta.high
end

local function append(kind, id)
meta.log = draw()
entries[#entries + 1] = { at = meta.log, kind = kind, id = id }
end
`,
  "shared/history.lua:4": `local told, lost = {}, 0


local function cut(text, most)
if #text <= most then return text end
local last = most
while last > 0 and (string.find(text, '^[\\128-\\191]', last + 1) or most == MAX_BY and (
string.find(text, '^%%[89ABab]%x', last + 1) or string.find(string.sub(text, math.max(1, last - 1), last), '%%')))
do last = last - 1 end
return string.sub(text, 1, last)
end


local function tell(what, id, token, sid, note, attempt, n, who)
if keep_history == 0 then return end
note = cut(note, MAX_NOTE)
if who then note = cut(who, MAX_BY) .. (note == '' and '' or ' ' .. note) end
meta.hist = math.max(meta.hist, time)
told[#told + 1] = { str(meta.hist) .. '-' .. str(draw()), 'id', id, 'token', str(token), 'node', sid, 'attempt',
str(attempt or 0), 'what', what, 'note', note, 'n', str(n or 1) }
end


local function tell_notes(id, token, sid, notes)
if not notes or notes == '' then return end
for what, attempt, n, text in string.gmatch(notes .. '\\30', '(%l+):(%d+):(%d+):([^\\30]*)\\30') do
tell(what, id, token, sid, text, int(attempt) or 0, int(n) or 1)
end
end


local function is_behind_all(err)
return string.find(err, 'equal or smaller', 1, true) or string.find(err, 'exhausted', 1, true)
end

local function add_entry(entry, ...)
local reply = redis.pcall('XADD', hist_key, ...)
if type(reply) ~= 'table' or not reply.err then return true end

if not is_behind_all(reply.err) then return false end
redis.pcall('DEL', hist_key)
reply = redis.pcall('XADD', hist_key, unpack(entry))
return type(reply) ~= 'table' or not reply.err
end




local function write_history()
local turn = (meta.high % 1048576 * 0.7548776662466927 + time % 1048576 * 0.5698402909980532) % 1
for i, entry in ipairs(told) do
local written
if i < #told then
written = add_entry(entry, unpack(entry))
elseif turn < 0.5 then
written = add_entry(entry, 'MAXLEN', '~', str(math.max(keep_history, 4 * spec.size)), unpack(entry))
else
written = add_entry(entry, 'MINID', '~', str(math.max(0, meta.hist - keep_history_time)), unpack(entry))
end
if written then dirty = true else lost = lost + 1 end
end
end
`,
  "shared/state.lua:23": `local function live(sid)
local at = expiry[sid]
if at == nil then
at = not begun and redis.call('ZSCORE', sess_key, sid)
expiry[sid] = at
end
return at ~= false
end

local function expire_at(sid, at)
expiry[sid] = at
expiry_changed[sid] = true
end

local function held(sid)
local count = held_known[sid]
if count == nil then
count = not begun and int(redis.call('HGET', meta_key, 'held:' .. sid)) or false
held_known[sid] = count
end
return count
end

local function set_held(sid, count)
held_known[sid] = count
held_changed[sid] = true
end

local function count_claim(sid, by)
local count = held(sid)
if not count and not live(sid) then return end
count = (count or 0) + by
set_held(sid, count > 0 and count)
end

local function claim_of(id)
local value = claim:get(id)
return value and parse_claim(value) or nil
end

local function set_claim(id, new)
local previous = claim_of(id)
if previous then count_claim(previous.sid, -1) end
if new then
claim:set(id, str(new.token) .. ':' .. str(new.generation) .. ':' .. new.sid)
if not held(new.sid) then set_held(new.sid, 0) end
count_claim(new.sid, 1)
else
claim:set(id, false)
local known = spec.known[id]
if known == nil then known = redis.call('HEXISTS', spec_key, id) == 1 end
if not known then stat:set(id, false) end
end
append('c', id)
end

local function trace_of(sid)
local value = sessx.known[sid]
if value == nil and sizes.sessx > 0 then value = sessx:get(sid) end
return value and parse_trace(value) or nil
end

local function set_trace(sid, trace) sessx:set(sid, format_trace(trace)) end


local function trace_end(sid, how, at)
local trace = trace_of(sid)
if how == 'o' or (trace and trace.how == 'q') or not held(sid) then
if sizes.sessx > 0 or sessx.known[sid] then sessx:set(sid, false) end
return
end
trace = trace or no_trace()
trace.how, trace.at, trace.floor = how, at, floor_at(at)
set_trace(sid, trace)
end

local function end_session(sid, how, at)
trace_end(sid, how, at)
expire_at(sid, false)
node:set(sid, false)
set_held(sid, false)
meta.sessions = meta.sessions - 1
append('n', sid)
deaths[#deaths + 1] = { at = meta.high, sid = sid }
tell(how == 'o' and 'left' or how == 'g' and 'gone' or 'leaseLost', '', 0, sid, '')
is_reaped[sid] = true
end

local function quarantine_left() return math.max(0, meta.quarantine - meta.now) end

local refusal

local function refuse(tag, ...) refusal = { tag, str(meta.now), str(meta.high), ... } end
`,
  "shared/guard.lua:3": `if fresh then
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
`,
  "shared/set_rounds.lua:3": `local function parse_round(value)
local r, f, op = string.match(value, '^(%d+)|(%d+)|([^|]*)$')
local round, fence = counter(r), counter(f)
if not round or not fence then return nil end
return { round = round, fence = fence, op = op }
end

local function round_of(key)
local value = set_round:get(key)
return value and parse_round(value) or nil
end


local function end_round(key)
if key ~= '' then set_round:set(key, false) end
end


local function is_superseded(key, round)
if key == '' then return false end
local known = round_of(key)
if known and known.round == int(round) then return false end
refuse('SUPERSEDED')
return true
end
`,
  "begin.lua:16": `local function make_room()
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
`,
  "shared/end.lua:12": `local function write_log()
local keep = math.max(MIN_LOG, 4 * spec.size)
for i, entry in ipairs(entries) do
local at = str(entry.at) .. '-0'
local reply
if i < #entries then
reply = redis.pcall('XADD', log_key, at, 'kind', entry.kind, 'id', entry.id)
else
reply = redis.pcall('XADD', log_key, 'MAXLEN', '~', str(keep), at, 'kind', entry.kind, 'id', entry.id)
end
if type(reply) == 'table' and reply.err then
if not is_behind_all(reply.err) then error(reply.err, 0) end
write('DEL', log_key)
write('XADD', log_key, at, 'kind', entry.kind, 'id', entry.id)
end
dirty = true
end
end

local function write_meta()
local sets, drops = {}, {}
meta.specs, meta.claims, meta.tombs = spec.size, claim.size, tomb.size
if begun then sets = { 'layout', LAYOUT_VERSION, 'era', meta.era, 'run', meta.run } end
if begun or not stored[4] then
sets[#sets + 1] = 'guarded'
sets[#sets + 1] = '1'
end
for i = first_number, #meta_names do
local name = meta_names[i]
if begun or meta[name] ~= before[name] then
sets[#sets + 1] = name
sets[#sets + 1] = str(meta[name])
end
end
if begun or meta.hist ~= hist_before then
sets[#sets + 1] = 'hist'
sets[#sets + 1] = str(meta.hist)
end
if begun or meta.marks ~= marks then
sets[#sets + 1] = 'marks'
sets[#sets + 1] = meta.marks
end
if begun or child_state.size ~= states then
sets[#sets + 1] = 'states'
sets[#sets + 1] = str(child_state.size)
end
for sid in pairs(held_changed) do
local count = held_known[sid]
if count then
sets[#sets + 1] = 'held:' .. sid
sets[#sets + 1] = str(count)
else
drops[#drops + 1] = 'held:' .. sid
end
end
write_many('HSET', meta_key, sets)
write_many('HDEL', meta_key, drops)
end

local function write_sorted(key, changed, value_of)
local adds, drops = {}, {}
for member in pairs(changed) do
local score = value_of[member]
if score then
adds[#adds + 1] = str(score)
adds[#adds + 1] = member
else
drops[#drops + 1] = member
end
end
write_many('ZADD', key, adds)
write_many('ZREM', key, drops)
end

local function write_deaths()
if #deaths == 0 then return end
for _, death in ipairs(deaths) do write('ZADD', dead_key, str(death.at), death.sid) end
write_many('HDEL', sessx_key, redis.call('ZRANGE', dead_key, 0, -(MAX_DEAD + 1)))
write('ZREMRANGEBYRANK', dead_key, 0, -(MAX_DEAD + 1))
end

local function flush()
if not needs_memory then redis.call('HDEL', meta_key, '') end
write_log()
if begun then write('DEL', meta_key, sess_key, node_key, sessx_key, trial_key, round_key) end
write_meta()
if known_layout ~= LAYOUT_VERSION then write('HSET', layout_key, 'layout', LAYOUT_VERSION) end
spec:flush()
tomb:flush()
claim:flush()
stat:flush()
node:flush()
direct:flush()
sessx:flush()
trial:flush()
set_round:flush()
child_state:flush()
write_sorted(sess_key, expiry_changed, expiry)
write_sorted(tombx_key, tombx_changed, tombx_changed)
write_deaths()
write_history()
if #entries > 0 then
local concerned = (begun or #deaths > 0) and '' or ARGV[10]
redis.pcall('PUBLISH', ARGV[9], str(meta.log) .. concerned)
end
end

local value
if not refusal then value = command() end
local done, problem = pcall(flush)
if not done then
local text = type(problem) == 'table' and problem.err or tostring(problem)
text = string.gsub(string.gsub(text, '^@[^:]*: %d+: ', ''), '^%-', '')
return redis.error_reply((dirty and 'PARTIAL ' or '') .. text)
end

return refusal or { 'OK', str(meta.now), str(meta.high), str(meta.log), value, str(idle), str(lost) }
`,
  "changes.lua:10": `local needs_memory = false
`,
  "shared/live_nodes.lua:3": `local function live_nodes()
local sids, rows = {}, {}
for _, sid in ipairs(redis.call('ZRANGE', sess_key, 0, -1)) do
if expiry[sid] ~= false then sids[#sids + 1] = sid end
end
node:load(sids)
for i, sid in ipairs(sids) do rows[i] = { sid, node:get(sid) or '' } end
return rows
end
`,
  "shared/directives.lua:3": `local function all_directives()
local rows = {}
for name, value in pairs(sizes.direct > 0 and all_fields(direct_key) or {}) do
if parse_directive(value) then rows[#rows + 1] = { name, value } end
end
return rows
end

local function directive_of(name)
local value = direct:get(name)
return value and parse_directive(value) or nil
end

local function store_directive(name, directive)
directive.til = meta.now + DIRECTIVE_RETENTION
local value = format_directive(directive)
direct:set(name, value)
append('d', name)
return value
end
`,
  "shared/items.lua:5": `local function load_items(ids)
spec:load(ids)
tomb:load(ids)
claim:load(ids)
stat:load(ids)
if sizes.trial > 0 then trial:load(ids) end
end

local function item_of(id, with_spec)
local item = { id, with_spec and '1' or '', with_spec and spec:get(id), with_spec and tomb:get(id), claim:get(id),
stat:get(id), sizes.trial > 0 and trial:get(id) }
local bytes = #id
for i = 3, 7 do
if item[i] then bytes = bytes + #item[i] end
end
return item, bytes
end
`,
  "changes.lua:16": `local function is_gap(cursor)
if is_log_absurd then return true end
if cursor >= meta.log then return false end
local first = redis.call('XRANGE', log_key, '-', '+', 'COUNT', 1)[1]
local from = first and position(first) or (entries[1] and entries[1].at)
local to = #entries > 0 and entries[#entries].at or last_log
return not from or from > cursor or to ~= meta.log
end

local page, page_at, page_end, page_last = {}, 0, false, 0

local function read_log()
page = redis.call('XRANGE', log_key, str(page_last + 1) .. '-0', '+', 'COUNT', '250')
page_end = #page < 250
for i, entry in ipairs(page) do
local fields = entry[2]
page[i] = { at = position(entry), kind = fields[2], id = fields[4] }
page_last = page[i].at
end
if page_end then
for _, entry in ipairs(entries) do
if entry.at > page_last then page[#page + 1] = entry end
end
end
page_at = 0
end

local function next_entry()
if page_at == #page and not page_end then read_log() end
page_at = page_at + 1
return page[page_at]
end

local ids, with_spec, position_before = {}, {}, {}
local cursor, is_more, is_membership = int(ARGV[11]) or 0, false, false

local function take(entry)
if (entry.kind == 's' or entry.kind == 'c') and entry.id then
local id = entry.id
if not position_before[id] then
if #ids >= MAX_BATCH then return false end
ids[#ids + 1] = id
position_before[id] = cursor
end
with_spec[id] = with_spec[id] or entry.kind == 's'
else
is_membership = true
end
cursor = entry.at
return true
end

local function read_ids()
page_last = cursor
for i = 1, math.huge do
local entry = next_entry()
if not entry then return end
if i > MAX_ENTRIES or not take(entry) then
is_more = true
return
end
end
end

local function read_items()
local rows, bytes = {}, 0
for i, id in ipairs(ids) do
if (i - 1) % 20 == 0 then load_items({ unpack(ids, i, math.min(i + 19, #ids)) }) end
local item, size = item_of(id, with_spec[id])
bytes = bytes + size
if bytes > MAX_PAGE_BYTES and #rows > 0 then
cursor, is_more = position_before[id], true
return rows
end
rows[#rows + 1] = item
end
return rows
end

local function command()
if is_gap(cursor) then return refuse('RESYNC') end
read_ids()
local rows = read_items()
return { str(cursor), is_more and '1' or '', rows, is_membership and live_nodes(),
is_membership and all_directives() }
end
`,
  "claim.lua:11": `local needs_memory = true
`,
  "shared/ids.lua:3": `local function ids_of(from, step, last)
local ids = {}
for i = from, last or arg_count, step do ids[#ids + 1] = ARGV[i] end
return ids
end
`,
  "shared/store_spec.lua:3": `local function store_spec(id, value)
spec:set(id, value)
tomb:set(id, false)
if sizes.tombx > 0 or tombx_changed[id] then tombx_changed[id] = false end
append('s', id)
return value
end

local function absent()
return { meta.now < meta.quarantine and 'QUARANTINE' or 'ABSENT' }
end
`,
  "shared/trials.lua:3": `local function trial_of(id)
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
`,
  "shared/judge.lua:4": `local function trial_delay(deaths)
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
`,
  "shared/child_states.lua:4": `local function parse_state(value)
local b, t, v, a, k, by, flag, body =
string.match(value, '^(%d+)|(%d+)|(%d+)|(%d+)|(%d+)|([^|]*)|([^|]*)|()')
local birth, token, version = counter(b), counter(t), counter(v)
local at, kind_version = int(a), int(k)
if not (birth and token and version and at and kind_version) then return nil end
return { birth = birth, token = token, version = version, at = at, kind_version = kind_version, node = by,
lost = string.find(flag, 'l', 1, true) ~= nil, body = body }
end

local function format_state(birth, token, version, at, kind_version, by, flag, body)
return str(birth) .. '|' .. str(token) .. '|' .. str(version) .. '|' .. str(at) .. '|' .. str(kind_version) .. '|'
.. by .. '|' .. flag .. '|' .. body
end

local function has_state(id)
if child_state.known[id] ~= nil then return child_state.known[id] ~= false end
return child_state.size > 0 and redis.call('HEXISTS', state_key, id) == 1
end


local function drop_state(id)
if not has_state(id) then return end
child_state.known[id] = child_state.known[id] or true
child_state:set(id, false)
end


local function state_in(id, birth)
local value = child_state.size > 0 and child_state:get(id)
local record = value and parse_state(value)
return record and record.birth == birth and record or nil
end

local function spec_of(id)
local value = spec:get(id)
return value and parse_spec(value) or nil
end


local function mark_stateful(id, old)
if old.stateful then return end
old.stateful = true
spec:set(id, format_spec(old.generation, old.stamp, old.op, old.initial, old.failed, old.refused, body_of(old), old))
append('s', id)
end


local function node_of(sid)
local name = string.match(sid, '^(.*)#[^#]*$') or sid
return (string.gsub(string.gsub(name, '%%', '%%25'), '|', '%%7C'))
end

local states_told, states_full = 0, false


local function tell_state(value)
states_full = states_told + #value > MAX_PAGE_BYTES
if states_full then return '' end
states_told = states_told + #value
return '1', value
end
`,
  "claim.lua:20": `local function drop_lost(id, current, note)
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
.. '\\31' .. (string.match(holder.sid, '^(.*)#') or '')
trial:set(id, false)
stat:set(id, status)
tell('failed', id, holder.token, holder.sid, why)
local stamp = draw()
return { 'PARKED', store_spec(id,
format_spec(old.generation, stamp, old.op, old.initial, true, old.refused, body_of(old), old)), status }
end


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
`,
  "close.lua:8": `local needs_memory = false
`,
  "close.lua:11": `local function command()
local sid = ARGV[11]
if live(sid) then end_session(sid, ARGV[12] == '1' and 'g' or 'o', meta.now) end
return {}
end
`,
  "del.lua:9": `local needs_memory = false
`,
  "shared/store_tomb.lua:6": `local oldest, oldest_at, oldest_read, oldest_end = {}, 0, 0, sizes.tombx == 0
local too_many = sizes.tombx - keep_count

local function next_oldest()
if oldest_at == #oldest and not oldest_end then
local page = redis.call('ZRANGE', tombx_key, oldest_read, oldest_read + 9, 'WITHSCORES')
local ids = {}
oldest, oldest_at, oldest_read, oldest_end = {}, 0, oldest_read + #page / 2, #page < 20
for i = 1, #page, 2 do
ids[#ids + 1] = page[i]
oldest[#oldest + 1] = { id = page[i], at = tonumber(page[i + 1]) }
end
tomb:load(ids)
end
oldest_at = oldest_at + 1
return oldest[oldest_at]
end

local function sweep(most)
local swept = 0
while swept < most do
local next = next_oldest()
if not next then return end
local id = next.id
if tombx_changed[id] == nil then
if next.at > meta.now + TOMBSTONE_TERM - keep_time and too_many <= 0 then
oldest_at = oldest_at - 1
return
end
swept = swept + 1
too_many = too_many - 1
local value = tomb:get(id)
local old = value and parse_tomb(value)
if old then meta.collected = math.max(meta.collected, old.stamp) end
tomb:set(id, false)
tombx_changed[id] = false
end
end
end

local function store_tomb(id, value, initial)
drop_trial(id)
drop_state(id)
spec:set(id, false)
stat:set(id, false)
tomb:set(id, value)
tombx_changed[id] = not initial and meta.now + TOMBSTONE_TERM
append('s', id)
sweep(TOMBSTONE_SWEEP)
return value
end

local function end_spec(id, old, end_op, how, pruned)
local stamp, initial = draw(), old.initial and not pruned
return store_tomb(id, format_tomb(stamp, old.generation, old.op, end_op, how, initial, pruned), initial)
end
`,
  "del.lua:18": `local function del_one(id, op, generation, stamp, pruned)
local stored_spec = spec:get(id)
if not stored_spec then
local stored_tomb = tomb:get(id)
local ended = stored_tomb and parse_tomb(stored_tomb)
if ended and ended.by == op then return { 'GONE', stored_tomb } end
return absent()
end
local old = parse_spec(stored_spec)
if not old then return { 'MALFORMED' } end
if not generation or old.generation > generation or (stamp ~= 0 and old.stamp ~= stamp) then
return { 'NEWER', stored_spec }
end
local value = end_spec(id, old, op, 'd', pruned)
local current = claim_of(id)
tell('terminated', id, current and current.token or 0, current and current.sid or '', reason, 0, 1, by)
if current and not live(current.sid) then set_claim(id, nil) end
return { 'GONE', value }
end

local function command()
if is_superseded(ARGV[11], ARGV[12]) then return end
local results, ids, pruned = {}, ids_of(14, 4), ARGV[13] == '1'
spec:load(ids)
tomb:load(ids)
claim:load(ids)
for i = 14, arg_count, 4 do
results[#results + 1] = del_one(ARGV[i], ARGV[i + 1], int(ARGV[i + 2]), int(ARGV[i + 3]), pruned)
end
return results
end
`,
  "direct.lua:11": `local needs_memory = false
`,
  "direct.lua:15": `local size = sizes.direct

local function sweep()
local due = {}
for name, value in pairs(all_fields(direct_key)) do
local directive = parse_directive(value)
if not directive then
direct:set(name, false)
size = size - 1
elseif directive.til <= meta.now then
due[#due + 1] = { name = name, til = directive.til, stamp = directive.stamp }
end
end
table.sort(due, function(a, b)
if a.til ~= b.til then return a.til < b.til end
if a.stamp ~= b.stamp then return a.stamp < b.stamp end
return a.name < b.name
end)
for i = 1, math.min(#due, DIRECTIVE_SWEEP) do
meta.collected = math.max(meta.collected, due[i].stamp)
direct:set(due[i].name, false)
size = size - 1
end
end

local function renew(name, directive)
if directive.til - meta.now < DIRECTIVE_RETENTION / 2 then directive.til = meta.now + DIRECTIVE_RETENTION end
local value = format_directive(directive)
direct:set(name, value)
return value
end

local function give(name, what, op, by, reason, seen)
local known = directive_of(name)
if known and known.op == op then return { 'STORED', renew(name, known) } end
if known and known.stamp > seen then return { 'NEWER', format_directive(known) } end
if not known and size >= MAX_DIRECTIVES then return { 'TOO_MANY' } end
local stamp = draw()
local directive = { stamp = stamp, what = what, op = op, at = meta.last, by = by, reason = reason }
local value = store_directive(name, directive)
local word = what == 'c' and 'cordoned' or what == 'd' and 'drained' or 'uncordoned'
tell(word, '', 0, name, reason, 0, 1, by)
return { 'STORED', value }
end

local function command()
sweep()
return { give(ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15], int(ARGV[16]) or 0) }
end
`,
  "finish.lua:9": `local needs_memory = false
`,
  "shared/save_states.lua:4": `local function awaited_birth(id, birth)
if meta.now >= meta.quarantine or spec:get(id) or tomb:get(id) then return nil end
return birth
end

local function save_one(sid, by, i)
local id, token, version = ARGV[i], int(ARGV[i + 1]), counter(ARGV[i + 3]) or 0
local current = claim_of(id)
if not current or current.token ~= token or current.sid ~= sid then return 'LOST' end
local of = spec_of(id)
local birth = counter(ARGV[i + 2])
local expected = of and of.birth or awaited_birth(id, birth)
if not birth or birth ~= expected or version == 0 then return 'LOST' end
local known = state_in(id, birth)
if known and known.token > token then return 'OVERTAKEN' end
if known and known.token == token and known.version >= version then return 'OLDER' end
child_state:set(id, format_state(birth, token, version, meta.last, int(ARGV[i + 4]) or 0, by, '',
ARGV[i + 5]))
if of then mark_stateful(id, of) end
return 'STORED'
end

local function save_states(sid, from)
if from > arg_count then return {} end
local results, ids, by = {}, ids_of(from, 6), node_of(sid)
claim:load(ids)
spec:load(ids)
if child_state.size > 0 then child_state:load(ids) end
for i = from, arg_count, 6 do results[#results + 1] = save_one(sid, by, i) end
return results
end
`,
  "finish.lua:18": `local function finish_one(sid, id, generation, token, how, status, why, notes)
local current = claim_of(id)
if not current or current.token ~= token or current.sid ~= sid then return { 'FENCED' } end
local stored_spec = spec:get(id)
local old = stored_spec and parse_spec(stored_spec)
tell_notes(id, token, sid, notes)
prove_trial(id, current, true)
set_claim(id, nil)
local is_of_this = old and old.generation == generation

if not is_of_this then
tell('stopped', id, token, sid, old and 'replaced' or 'terminated')
return { 'RELEASED' }
end
tell(how, id, token, sid, why)
if how == 'ended' then return { 'ENDED', end_spec(id, old, '', 'e') } end
forget_trial(id)
stat:set(id, status)
local stamp = draw()
return { 'FAILED', store_spec(id,
format_spec(old.generation, stamp, old.op, old.initial, true, old.refused, body_of(old), old)) }
end

local function command()
local last = 12 + 7 * int(ARGV[12])
local results, ids = {}, ids_of(13, 7, last)
spec:load(ids)
tomb:load(ids)
claim:load(ids)
save_states(ARGV[11], last + 1)
for i = 13, last, 7 do
results[#results + 1] = finish_one(ARGV[11], ARGV[i], int(ARGV[i + 1]), int(ARGV[i + 2]), ARGV[i + 3],
ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
end
return results
end
`,
  "history.lua:11": `local needs_memory = false
`,
  "history.lua:14": `local wanted, back, cursor, limit = ARGV[11], ARGV[12] == '1', ARGV[13], int(ARGV[15]) or 0
local last_place = str(MAX_SECONDS * 1000 + 999)
local place = history_place({ cursor }) and cursor or nil
local from = place

local function read(count)
local page
if back then
local before = from and '(' .. from or last_place
page = redis.pcall('XREVRANGE', hist_key, before, str(int(ARGV[14]) or 0), 'COUNT', count)
else
page = redis.pcall('XRANGE', hist_key, '(' .. from, last_place, 'COUNT', count)
end
if page.err then return {} end
if #page > 0 then from = page[#page][1] end
return page
end


local function row_of(entry)
local f = entry[2]
if #f < 14 or not (counter(f[4]) and int(f[8]) and int(f[14]) and history_place(entry)) then return nil end
return { entry[1], f[2], f[4], f[6], f[8], f[10], f[12], f[14] }
end

local page, page_at, is_last = {}, 0, false

local function next_entry()
if page_at == #page and not is_last then
page, page_at = read(250), 0
is_last = #page < 250
end
page_at = page_at + 1
return page[page_at]
end


local function newest_place()
for _, count in ipairs({ 1, 100 }) do
local newest = redis.pcall('XREVRANGE', hist_key, last_place, '-', 'COUNT', count)
for _, entry in ipairs(newest.err and {} or newest) do
if history_place(entry) then return entry[1] end
end
end
return '0-0'
end

local function is_behind(a, b)
local a_ms, a_at = history_place({ a })
local b_ms, b_at = history_place({ b })
return a_ms > b_ms or (a_ms == b_ms and a_at > b_at)
end

local function command()
if not back then
local newest = newest_place()
if not place then return { newest, '', {} } end

if is_behind(place, newest) then from, cursor = '0-0', '0-0' end
end
local rows, bytes, seen, first = {}, 0, 0, cursor
while true do
local entry = next_entry()
if not entry then return { cursor, '', rows } end
local row = row_of(entry)
if row and wanted ~= '' and row[2] ~= wanted then row = nil end
if row then bytes = bytes + #row[2] + #row[4] + #row[6] + #row[7] + 64 end
if seen >= HISTORY_PAGE or #rows >= limit or (bytes > MAX_PAGE_BYTES and #rows > 0) then
return { cursor, cursor ~= first and '1' or '', rows }
end
seen = seen + 1

if history_place(entry) then cursor = entry[1] end
if row then rows[#rows + 1] = row end
end
end
`,
  "merge.lua:9": `local needs_memory = true
`,
  "merge.lua:19": `local function outranks(new, stored, parse)
if not stored then return new.stamp > 0 or new.initial or new.stateful end
local old = parse(stored)
if not old then return false end
if new.stamp ~= old.stamp then return new.stamp > old.stamp end
if new.initial ~= old.initial then return new.initial end
return new.stateful and not old.stateful
end


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
`,
  "nodes.lua:8": `local needs_memory = false
`,
  "nodes.lua:13": `local function command() return { live_nodes(), all_directives() } end
`,
  "open.lua:13": `local needs_memory = true
`,
  "shared/node_record.lua:3": `local function store_record(sid, version, json)
local kept = node:get(sid)
local header = kept and parse_node(kept)
if header and header.version > version then return end
local opened = header and header.opened or draw()
node:set(sid, str(version) .. '|' .. str(opened) .. '|' .. json)
append('n', sid)
end
`,
  "open.lua:18": `local function others_live(sid, old)
local others = meta.sessions
if live(sid) then others = others - 1 end
if old ~= sid and live(old) then others = others - 1 end
return others > 0
end

local function may_assert(sid, mode, old, id, token)
local current = claim_of(id)
if not current then return mode == 'reassert' end
if current.sid == sid and current.token == token then return true end
if mode == 'carry' then
return current.token == token and (current.sid == old or not live(current.sid))
end
if not live(current.sid) then return token >= current.token end
return token > current.token and meta.now < meta.quarantine
end

local function assert_claims(sid, mode, old)
local ids, refused = {}, {}
for i = 20, arg_count, 3 do ids[#ids + 1] = ARGV[i] end
claim:load(ids)
for i = 20, arg_count, 3 do
local id, token, generation = ARGV[i], counter(ARGV[i + 1]), counter(ARGV[i + 2])
if token and generation and may_assert(sid, mode, old, id, token) then
set_claim(id, { token = token, generation = generation, sid = sid })
else
refused[#refused + 1] = id
end
end
return refused
end

local function inherit_round(from, to)
local trace = trace_of(from)
if not trace or trace.left == 0 then return end
trace.how, trace.at, trace.floor = 'l', 0, 0
set_trace(to, trace)
end


local function read_revision(value)
local at, since, revision = value:match('^(%d+)|(%d+)|(.*)$')
if not at or #at > 16 or #since > 16 then return -1, nil, '' end
return counter(at) or -1, counter(since), revision
end

local function forget_oldest(newest)
if sizes.sessx < MAX_REVISIONS then return end
local noted, all = {}, all_fields(sessx_key)
all[newest] = sessx.known[newest]
for key, value in pairs(all) do
if sessx.known[key] ~= nil then value = sessx.known[key] end
if value and key:sub(1, 1) == '=' then noted[#noted + 1] = { key = key, at = (read_revision(value)) } end
end
if #noted <= MAX_REVISIONS then return end
table.sort(noted, function(a, b)
if a.at ~= b.at then return a.at < b.at end
return a.key < b.key
end)
for i = 1, #noted - MAX_REVISIONS / 2 do sessx:set(noted[i].key, false) end
end

local function note_revision(sid, revision, fresh)
if revision == '' then return 0 end
local key = '=' .. (sid:match('^(.*)#') or '')
local stored = sizes.sessx > 0 and sessx:get(key) or ''
local _, since, noted = read_revision(stored)
if noted ~= revision or not since then since = fresh > 0 and fresh or meta.high end
sessx:set(key, str(meta.high) .. '|' .. str(since) .. '|' .. revision)
forget_oldest(key)
return since
end

local function command()
local sid, mode, old = ARGV[11], ARGV[14], ARGV[16]
if is_reaped[sid] or redis.call('ZSCORE', dead_key, sid) then return refuse('DEAD') end
if meta.ttl ~= ttl or meta.maxStep ~= max_step then
local is_sent = ttl and max_step
if not is_sent or others_live(sid, old) then return refuse('TIMING', str(meta.ttl), str(meta.maxStep)) end
meta.ttl, meta.maxStep = ttl, max_step
end
local refused = assert_claims(sid, mode, old)
local fresh = 0
if ARGV[15] == '1' then
local is_new = not live(sid)
fresh = note_revision(sid, ARGV[18], counter(ARGV[19]) or 0)
if is_new then meta.sessions = meta.sessions + 1 end
expire_at(sid, meta.now + meta.ttl)
store_record(sid, counter(ARGV[12]) or 0, ARGV[13])
end_round(ARGV[17])
if is_new then tell('joined', '', 0, sid, old) end
if old ~= '' and old ~= sid then
inherit_round(old, sid)
if live(old) then end_session(old, 'o', meta.now) end
end
end
return { str(quarantine_left()), str(meta.collected), refused, str(fresh) }
end
`,
  "peek.lua:8": `local needs_memory = false
`,
  "peek.lua:13": `local function peek_one(id)
if not has_state(id) then return { '1' } end
if states_full then return { '' } end
local of = spec_of(id)
if not of or not state_in(id, of.birth) then return { '1' } end
return { tell_state(child_state:get(id)) }
end

local function command()
local rows, ids = {}, ids_of(11, 1)
spec:load(ids)
for _, id in ipairs(ids) do rows[#rows + 1] = peek_one(id) end
return { str(quarantine_left()), rows }
end
`,
  "put.lua:9": `local needs_memory = true
`,
  "put.lua:16": `local function create(id, op, body, initial, is_first, life)
local generation = draw()
stat:set(id, false)
drop_trial(id)
local stamp = is_first and 1 or generation
return { 'CREATED', store_spec(id, format_spec(generation, stamp, op, initial, false, '', body, life)) }
end

local function mark_spec(id, stored_spec, old)
if old.initial then return stored_spec end
return store_spec(id,
format_spec(old.generation, old.stamp, old.op, true, old.failed, old.refused, body_of(old), old))
end

local function mark_tomb(id, stored_tomb, ended)
if ended.initial then return stored_tomb end
local value = format_tomb(ended.stamp, ended.generation, ended.op, ended.by, ended.how, true, ended.pruned)
tomb:set(id, value)
tombx_changed[id] = false
append('s', id)
return value
end

local function ensure_present(id, op, body, stored_spec, by_list)
local old = parse_spec(stored_spec)
if not old then return { 'MALFORMED' } end
if old.op == op then return { 'CREATED', stored_spec } end
local kept = by_list and mark_spec(id, stored_spec, old) or stored_spec
return { body_of(old) == body and 'SAME' or 'CONFLICT', kept }
end

local function ensure(id, op, body, mode)
local by_list = mode == 'ensureInitial'
local stored_spec = spec:get(id)
if stored_spec then return ensure_present(id, op, body, stored_spec, by_list) end
local stored_tomb = tomb:get(id)
local ended = stored_tomb and parse_tomb(stored_tomb)
if stored_tomb and not ended then return { 'MALFORMED' } end
local stays = by_list and ended and not ended.pruned
if ended and (stays or ended.op == op) then
local kept = stays and mark_tomb(id, stored_tomb, ended) or stored_tomb
return { ended.how == 'e' and 'DONE' or 'TERMINATED', kept }
end
if (not ended or by_list) and meta.now < meta.quarantine then return { 'QUARANTINE' } end
if mode == 'start' then tell('registered', id, 0, '', reason, 0, 1, by) end
return create(id, op, body, by_list or (ended and ended.initial), by_list and not ended)
end


local function as_seen(old, stamp) return stamp == 0 or old.stamp == stamp end

local function supersede(id, op, generation, body, stamp, bump)
local stored_spec = spec:get(id)
if not stored_spec then return absent() end
local old = parse_spec(stored_spec)
if not old then return { 'MALFORMED' } end
if old.op == op then return { 'CREATED', stored_spec } end
if old.generation ~= generation or not as_seen(old, stamp) then return { 'CONFLICT', stored_spec } end
tell(bump and 'restarted' or 'replaced', id, 0, '', reason, 0, 1, by)
return create(id, op, bump and body_of(old) or body, old.initial, false, old)
end

local function retag(id, generation, body, stamp)
local stored_spec = spec:get(id)
if not stored_spec then return absent() end
local old = parse_spec(stored_spec)
if not old then return { 'MALFORMED' } end
if old.generation ~= generation then return { 'CONFLICT', stored_spec } end
if body_of(old) == body then return { 'SAME', stored_spec } end
if not as_seen(old, stamp) then return { 'CONFLICT', stored_spec } end
return { 'CREATED', store_spec(id,
format_spec(old.generation, draw(), old.op, old.initial, old.failed, old.refused, body, old)) }
end

local function command()
if is_superseded(ARGV[12], ARGV[13]) then return end
local mode, results, ids = ARGV[11], {}, ids_of(14, 5)
spec:load(ids)
tomb:load(ids)
for i = 14, arg_count, 5 do
local id, op, generation, body = ARGV[i], ARGV[i + 1], int(ARGV[i + 2]), ARGV[i + 3]
local stamp = int(ARGV[i + 4])
if mode == 'retag' then
results[#results + 1] = retag(id, generation, body, stamp)
elseif mode == 'replace' or mode == 'bump' then
results[#results + 1] = supersede(id, op, generation, body, stamp, mode == 'bump')
else
results[#results + 1] = ensure(id, op, body, mode)
end
end
return results
end
`,
  "release.lua:10": `local needs_memory = false
`,
  "release.lua:17": `local function refuse_spec(id, generation, code)
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

tell((code == '' or string.sub(code, 1, 1) == '@') and 'stopped' or 'refused', id, token, sid, ARGV[i + 3])
released = released + 1
end
end
return { str(released) }
end
`,
  "report.lua:8": `local needs_memory = false
`,
  "report.lua:13": `local function command()
local sid, count = ARGV[11], 0
claim:load(ids_of(12, 4))
for i = 12, arg_count, 4 do
local id = ARGV[i]
local current = claim_of(id)
if current and current.token == int(ARGV[i + 1]) and current.sid == sid then
prove_trial(id, current, false)
stat:set(id, ARGV[i + 2])
append('c', id)
tell_notes(id, current.token, sid, ARGV[i + 3])
count = count + 1
end
end
return { str(count) }
end
`,
  "save.lua:8": `local needs_memory = true
`,
  "save.lua:14": `local function command() return save_states(ARGV[11], 12) end
`,
  "snap.lua:10": `local needs_memory = false
`,
  "snap.lua:14": `local walked = { spec, tomb, claim }
local rows, bytes, looked_at = {}, 0, 0

local function visit(phase, ids)
if phase < 3 then load_items(ids) end
for _, id in ipairs(ids) do
looked_at = looked_at + 1
local told = phase == 3
and (redis.call('HEXISTS', spec_key, id) == 1 or redis.call('HEXISTS', tomb_key, id) == 1)
if not told then
local item, size = item_of(id, true)
bytes = bytes + size
rows[#rows + 1] = item
end
end
end

local function is_full() return #rows >= MAX_BATCH or bytes >= MAX_PAGE_BYTES or looked_at >= MAX_ENTRIES end

local function command()
local phase, cursor = 1, '0'
if ARGV[11] ~= '' then
local at, rest = string.match(ARGV[11], '^([123]):(%d+)$')
if not at then return refuse('RESYNC') end
phase, cursor = tonumber(at), rest
end
repeat
local step = redis.call('HSCAN', walked[phase].key, cursor, 'COUNT', phase == 3 and '100' or '10')
local ids, row = {}, step[2]
for i = 1, #row, 2 do
ids[#ids + 1] = row[i]
walked[phase].known[row[i]] = row[i + 1]
end
cursor = step[1]
visit(phase, ids)
if cursor == '0' then phase = phase + 1 end
until phase > 3 or is_full()
return { phase > 3 and '' or phase .. ':' .. cursor, rows }
end
`,
  "tick.lua:8": `local needs_memory = false
`,
  "tick.lua:12": `local function command()
local sid = ARGV[11]
if not live(sid) then return refuse('NOSESSION') end
expire_at(sid, meta.now + meta.ttl)
sweep(TOMBSTONE_SWEEP_AT_REST)
return { str(held(sid) or 0), str(quarantine_left()) }
end
`,
  "update.lua:9": `local needs_memory = false
`,
  "update.lua:13": `local function command()
local sid = ARGV[11]
if not live(sid) then return refuse('NOSESSION') end
if ARGV[14] == '1' then
local trace = trace_of(sid) or no_trace()
trace.how = 'q'
set_trace(sid, trace)
end
store_record(sid, counter(ARGV[12]) or 0, ARGV[13])
return {}
end
`
}

/** The pieces of each command's script, in order. */
export const commands = {
  begin: [
    "begin.lua:12",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/set_rounds.lua:3",
    "begin.lua:16",
    "shared/end.lua:12"
  ],
  changes: [
    "changes.lua:10",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/live_nodes.lua:3",
    "shared/directives.lua:3",
    "shared/items.lua:5",
    "changes.lua:16",
    "shared/end.lua:12"
  ],
  claim: [
    "claim.lua:11",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/store_spec.lua:3",
    "shared/trials.lua:3",
    "shared/judge.lua:4",
    "shared/child_states.lua:4",
    "claim.lua:20",
    "shared/end.lua:12"
  ],
  close: [
    "close.lua:8",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "close.lua:11",
    "shared/end.lua:12"
  ],
  del: [
    "del.lua:9",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/store_spec.lua:3",
    "shared/trials.lua:3",
    "shared/child_states.lua:4",
    "shared/store_tomb.lua:6",
    "shared/set_rounds.lua:3",
    "del.lua:18",
    "shared/end.lua:12"
  ],
  direct: [
    "direct.lua:11",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/directives.lua:3",
    "direct.lua:15",
    "shared/end.lua:12"
  ],
  finish: [
    "finish.lua:9",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/store_spec.lua:3",
    "shared/trials.lua:3",
    "shared/child_states.lua:4",
    "shared/save_states.lua:4",
    "shared/store_tomb.lua:6",
    "finish.lua:18",
    "shared/end.lua:12"
  ],
  history: [
    "history.lua:11",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "history.lua:14",
    "shared/end.lua:12"
  ],
  merge: [
    "merge.lua:9",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/store_spec.lua:3",
    "shared/trials.lua:3",
    "shared/child_states.lua:4",
    "shared/store_tomb.lua:6",
    "shared/directives.lua:3",
    "merge.lua:19",
    "shared/end.lua:12"
  ],
  nodes: [
    "nodes.lua:8",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/live_nodes.lua:3",
    "shared/directives.lua:3",
    "nodes.lua:13",
    "shared/end.lua:12"
  ],
  open: [
    "open.lua:13",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/node_record.lua:3",
    "shared/set_rounds.lua:3",
    "open.lua:18",
    "shared/end.lua:12"
  ],
  peek: [
    "peek.lua:8",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/child_states.lua:4",
    "peek.lua:13",
    "shared/end.lua:12"
  ],
  put: [
    "put.lua:9",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/store_spec.lua:3",
    "shared/trials.lua:3",
    "shared/set_rounds.lua:3",
    "put.lua:16",
    "shared/end.lua:12"
  ],
  release: [
    "release.lua:10",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/trials.lua:3",
    "shared/child_states.lua:4",
    "shared/save_states.lua:4",
    "release.lua:17",
    "shared/end.lua:12"
  ],
  report: [
    "report.lua:8",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/trials.lua:3",
    "report.lua:13",
    "shared/end.lua:12"
  ],
  save: [
    "save.lua:8",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/ids.lua:3",
    "shared/child_states.lua:4",
    "shared/save_states.lua:4",
    "save.lua:14",
    "shared/end.lua:12"
  ],
  snap: [
    "snap.lua:10",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/items.lua:5",
    "snap.lua:14",
    "shared/end.lua:12"
  ],
  tick: [
    "tick.lua:8",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/store_tomb.lua:6",
    "tick.lua:12",
    "shared/end.lua:12"
  ],
  update: [
    "update.lua:9",
    "shared/numbers.lua:6",
    "shared/hashes.lua:5",
    "shared/records.lua:4",
    "shared/clock.lua:5",
    "shared/read.lua:4",
    "shared/trial_records.lua:3",
    "shared/state.lua:5",
    "shared/history.lua:4",
    "shared/state.lua:23",
    "shared/guard.lua:3",
    "shared/node_record.lua:3",
    "update.lua:13",
    "shared/end.lua:12"
  ]
}
