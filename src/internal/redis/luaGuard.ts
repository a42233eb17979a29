/**
 * What every script begins with, part two: the guard (`registry/state.ts`) and the primitives of `registry/state.ts`;
 * and what every script ends with: all writes at once.
 *
 * KEYS: meta, sess, node, spec, tomb, tombx, claim, stat, dead, log.
 *
 * ARGV: 1 era, 2 notAfter (empty: never), 3 high, 4 seconds, 5 bits, 6 ttl, 7 maxStep, 8 "1" to trust an empty data
 * set, 9 wake channel, 10 whom the news concerns, as the message tells it; from 11 on what the command asks for.
 *
 * @internal
 */
import { layoutVersion, maxDead, minLog, tombstoneRetention } from "../registry/commands.js"
import { seedShift } from "../registry/state.js"

/**
 * Where a script has the time and the server's identity from: the server, or (in this project's tests only) the last two
 * arguments. A switch of the text, so that no argument can move the clock of a real registry.
 */
export type ClockSource = "server" | "arguments"

const clocks: { readonly [K in ClockSource]: string } = {
  server: `
local arg_count = #ARGV
local clock = redis.call('TIME')
local time = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local server_run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not server_run then return redis.error_reply('ERR INFO server tells no run_id') end
`,
  arguments: `
local arg_count = #ARGV - 2
local time, server_run = tonumber(ARGV[#ARGV - 1]), ARGV[#ARGV]
`
}

/**
 * Reads what the guard needs. A key of another type is answered, not failed on; a meta that is not wholly sound counts
 * as missing.
 */
const reading = `
local meta_key, sess_key, node_key, spec_key, tomb_key, tombx_key, claim_key, stat_key, dead_key, log_key = unpack(KEYS)
local sizes = {}
for i, command in ipairs({ 'HLEN', 'ZCARD', 'HLEN', 'HLEN', 'HLEN', 'ZCARD', 'HLEN', 'HLEN', 'ZCARD', 'XLEN' }) do
  local size = redis.pcall(command, KEYS[i])
  if type(size) == 'table' then
    if string.find(size.err, 'WRONGTYPE', 1, true) then return { 'WRONGTYPE', KEYS[i] } end
    return size
  end
  sizes[i] = size
end
local meta_names = { 'layout', 'era', 'run', 'high', 'last', 'now', 'quarantine', 'ttl', 'maxStep', 'log', 'collected',
  'specs', 'claims', 'sessions', 'tombs' }
local stored = redis.call('HMGET', meta_key, unpack(meta_names))
if stored[1] and stored[1] ~= '${layoutVersion}' then return { 'VERSION', stored[1] } end
local fresh = not (stored[1] and stored[2] and stored[3])
local meta, before = { era = stored[2], run = stored[3] }, {}
for i = 4, #meta_names do
  local n = int(stored[i])
  meta[meta_names[i]], before[meta_names[i]] = n, n
  if not n then fresh = true end
end
local newest = redis.call('XREVRANGE', log_key, '+', '-', 'COUNT', 1)
local function position(entry) return tonumber(string.match(entry[1], '^%d+')) end
local last_log = newest[1] and position(newest[1]) or 0
local ttl, max_step, high = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[3])
local spec, tomb, claim = hash(spec_key, sizes[4]), hash(tomb_key, sizes[5]), hash(claim_key, sizes[7])
local node, stat = hash(node_key), hash(stat_key)
`

/** Sessions, counts of held claims, the log: the machine's primitives, on the picture. */
const primitives = `
local begun = false
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
local function live(sid)
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
local function end_session(sid)
  expire_at(sid, false)
  node:set(sid, false)
  set_held(sid, false)
  meta.sessions = meta.sessions - 1
  append('n', sid)
  deaths[#deaths + 1] = { at = meta.high, sid = sid }
  is_reaped[sid] = true
end
local function quarantine_left() return math.max(0, meta.quarantine - meta.now) end
local refusal
local function refuse(tag, ...) refusal = { tag, str(meta.now), str(meta.high), ... } end
`

/** The guard. It changes the picture only. */
const guard = `
if fresh then
  local latest = redis.call('ZREVRANGE', tombx_key, 0, 0, 'WITHSCORES')
  meta = { era = '', run = server_run, high = 0, last = time, quarantine = 0, ttl = ttl, maxStep = max_step, log = 0,
    now = math.max(0, (int(latest[2]) or 0) - ${tombstoneRetention}), collected = 0 }
end
meta.now = meta.now + math.min(math.max(time - meta.last, 0), meta.maxStep)
meta.last = time
if fresh or meta.run ~= server_run or meta.specs ~= sizes[4] or meta.claims ~= sizes[7] or meta.sessions ~= sizes[2]
  or meta.sessions ~= sizes[3] or meta.tombs ~= sizes[5] or meta.high < last_log
  or high > meta.high then
  local empty = sizes[2] == 0 and sizes[4] == 0 and sizes[5] == 0 and sizes[7] == 0
  local trusted = fresh and ARGV[8] == '1' and empty
  local seed = math.max(math.floor(time / 1000), tonumber(ARGV[4])) * ${seedShift}
  meta.high = math.max(meta.high, last_log, seed, high) + 1
  meta.era, meta.run, meta.sessions = ARGV[5] .. '.' .. str(meta.high), server_run, 0
  meta.quarantine = trusted and meta.now or meta.now + math.max(meta.ttl, ttl)
  begun = true
  append('e', meta.era)
end
meta.high = math.max(meta.high, high)
if not begun then
  for _, sid in ipairs(redis.call('ZRANGEBYSCORE', sess_key, '-inf', str(meta.now))) do end_session(sid) end
end
if begun or ARGV[1] ~= meta.era then
  refuse('ERA', meta.era)
elseif ARGV[2] ~= '' and meta.now > tonumber(ARGV[2]) then
  refuse('EXPIRED')
end
`

/** @internal */
export const luaGuard = (clock: ClockSource): string => clocks[clock] + reading + primitives + guard

/**
 * The writes, in an order in which only the first can be refused. The log goes first: a position that the stream does not
 * take (its own memory outlives the entries) must not leave anything half done, and the log may be lost at any time.
 */
const flushing = `
local function write_log()
  local keep = math.max(${minLog}, 4 * spec.size)
  for i, entry in ipairs(entries) do
    local at = str(entry.at) .. '-0'
    local reply
    if i < #entries then
      reply = redis.pcall('XADD', log_key, at, 'kind', entry.kind, 'id', entry.id)
    else
      reply = redis.pcall('XADD', log_key, 'MAXLEN', '~', str(keep), at, 'kind', entry.kind, 'id', entry.id)
    end
    if type(reply) == 'table' and reply.err then
      if not string.find(reply.err, 'equal or smaller', 1, true) then error(reply.err, 0) end
      write('DEL', log_key)
      write('XADD', log_key, at, 'kind', entry.kind, 'id', entry.id)
    end
    dirty = true
  end
end
local function write_meta()
  local sets, drops = {}, {}
  meta.specs, meta.claims, meta.tombs = spec.size, claim.size, tomb.size
  if begun then sets = { 'layout', '${layoutVersion}', 'era', meta.era, 'run', meta.run } end
  for i = 4, #meta_names do
    local name = meta_names[i]
    if begun or meta[name] ~= before[name] then
      sets[#sets + 1] = name
      sets[#sets + 1] = str(meta[name])
    end
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
  write('ZREMRANGEBYRANK', dead_key, 0, -${maxDead + 1})
end
local function flush()
  if without_memory then redis.call('HDEL', meta_key, '') end
  write_log()
  if begun then write('DEL', meta_key, sess_key, node_key) end
  write_meta()
  spec:flush()
  tomb:flush()
  claim:flush()
  stat:flush()
  node:flush()
  write_sorted(sess_key, expiry_changed, expiry)
  write_sorted(tombx_key, tombx_changed, tombx_changed)
  write_deaths()
  if #entries > 0 then
    local concerned = (begun or #deaths > 0) and '' or ARGV[10]
    redis.pcall('PUBLISH', ARGV[9], str(meta.log) .. concerned)
  end
end
`

/**
 * Runs the command and writes. An error after the first write (a permission that is missing) is marked `PARTIAL`; the
 * counts make the next command begin a new era then.
 */
const ending = `
local value
if not refusal then value = command() end
local done, problem = pcall(flush)
if not done then
  local text = type(problem) == 'table' and problem.err or tostring(problem)
  text = string.gsub(string.gsub(text, '^@[^:]*: %d+: ', ''), '^%-', '')
  return redis.error_reply((dirty and 'PARTIAL ' or '') .. text)
end
return refusal or { 'OK', str(meta.now), str(meta.high), str(meta.log), value }
`

/** @internal */
export const luaEnd = flushing + ending
