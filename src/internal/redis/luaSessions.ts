/**
 * Bodies of the scripts about sessions: twins of `registry/machine.ts`.
 *
 * @internal
 */

/**
 * Renews a session.
 *
 * ARGV: 11 sid. Value: `[claims held, quarantine left]`.
 */
export const tick = `
local function command()
  local sid = ARGV[11]
  if not live(sid) then return refuse('NOSESSION') end
  expire_at(sid, meta.now + meta.ttl)
  return { str(held(sid) or 0), str(quarantine_left()) }
end
`

/** Shared by `open` and `update`. */
const storeRecord = `
local function store_record(sid, version, json)
  local kept = node:get(sid)
  local header = kept and parse_node(kept)
  if header and header.version > version then return end
  local opened = header and header.opened or draw()
  node:set(sid, str(version) .. '|' .. str(opened) .. '|' .. json)
  append('n', sid)
end
`

/**
 * Asserts claims; with `last` the session becomes live.
 *
 * ARGV: 11 sid, 12 version, 13 record, 14 mode, 15 "1" for last, 16 supersedes, from 17 on (id, token, generation)*.
 * Value: `[quarantine left, collected, refused ids]`.
 */
export const open = storeRecord + `
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
  for i = 17, arg_count, 3 do ids[#ids + 1] = ARGV[i] end
  claim:load(ids)
  for i = 17, arg_count, 3 do
    local id, token, generation = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
    if may_assert(sid, mode, old, id, token) then
      set_claim(id, { token = token, generation = generation, sid = sid })
    else
      refused[#refused + 1] = id
    end
  end
  return refused
end
local function command()
  local sid, mode, old = ARGV[11], ARGV[14], ARGV[16]
  if is_reaped[sid] or redis.call('ZSCORE', dead_key, sid) then return refuse('DEAD') end
  if meta.ttl ~= ttl or meta.maxStep ~= max_step then
    if others_live(sid, old) then return refuse('TIMING', str(meta.ttl), str(meta.maxStep)) end
    meta.ttl, meta.maxStep = ttl, max_step
  end
  local refused = assert_claims(sid, mode, old)
  if ARGV[15] == '1' then
    if not live(sid) then meta.sessions = meta.sessions + 1 end
    expire_at(sid, meta.now + meta.ttl)
    store_record(sid, tonumber(ARGV[12]), ARGV[13])
    if old ~= '' and old ~= sid and live(old) then end_session(old) end
  end
  return { str(quarantine_left()), str(meta.collected), refused }
end
`

/**
 * Replaces the record of a live session.
 *
 * ARGV: 11 sid, 12 version, 13 record. Value: `[]`.
 */
export const update = storeRecord + `
local function command()
  local sid = ARGV[11]
  if not live(sid) then return refuse('NOSESSION') end
  store_record(sid, tonumber(ARGV[12]), ARGV[13])
  return {}
end
`

/**
 * Ends a session.
 *
 * ARGV: 11 sid. Value: `[]`.
 */
export const close = `
local function command()
  local sid = ARGV[11]
  if live(sid) then end_session(sid) end
  return {}
end
`
