-- Asserts the claims of a session; the last call of a series makes the session live.
-- Twin of `open` in registry/machine.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the session. 12: its record's version. 13: its record. 14: the mode (`OpenMode`). 15: "1" in the last call
--        of a series. 16: the session that this one replaces, or empty. 17: the set of the list that the node keeps, or
--        empty. 18: the revision of its release, or empty. 19: since when its name has that, as it was told before, or
--        0. From 20 on: (id, token, generation)*.
-- Reply  `{ quarantine left, highest stamp of the tombstones swept away, { refused id* }, since when the name has the
--        revision }`;
--        the refusals DEAD and TIMING.
local needs_memory = true
-- @include shared/begin.lua
-- @include shared/node_record.lua
-- @include shared/set_rounds.lua

local function others_live(sid, old)
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

-- Twin of registry/revisions.ts.
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

-- @include shared/end.lua
