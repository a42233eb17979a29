-- Ends every script: runs the command, then writes all its changes.
--
-- The order of writes is one in which only the first can be refused. The log goes first: a position that the stream
-- does not take (its own memory outlives the entries) must not leave anything half done, and the log may be lost at any
-- time. An error after the first write (a permission that is missing) is marked `PARTIAL`; the counts in `meta` make
-- the next command begin a new era then.
--
-- `needs_memory = true`: a server whose memory is full refuses the command before anything was written. All other
-- commands must run then, or a full server would end every lease and keep what is to be deleted. Redis checks the
-- memory before a script's first write only, and lets an HDEL pass: one of a field that does not exist comes first.

local function write_log()
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
