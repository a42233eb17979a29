/**
 * Bodies of the scripts about claims: twins of `registry/machine.ts`.
 *
 * @internal
 */
import { maxRefused } from "../registry/state.js"

const idsOf = `
local function ids_of(from, step)
  local ids = {}
  for i = from, arg_count, step do ids[#ids + 1] = ARGV[i] end
  return ids
end
`

/**
 * Grants claims.
 *
 * ARGV: 11 sid, from 12 on (id, generation)*. Value: one of `["GRANTED", token, status or null]`, `["HELD", claim]`,
 * `["STALE", spec]`, `["GONE"]`, `["MALFORMED"]` each.
 */
export const claim = idsOf + `
local function claim_one(sid, id, generation)
  local stored_spec = spec:get(id)
  local wanted = stored_spec and parse_spec(stored_spec)
  if stored_spec and not wanted then return { 'MALFORMED' } end
  local current = claim_of(id)
  local is_held = current and live(current.sid)
  if not wanted or wanted.failed then
    if current and not is_held then set_claim(id, nil) end
    return { 'GONE' }
  end
  if wanted.generation ~= generation then return { 'STALE', stored_spec } end
  if is_held then return { 'HELD', claim:get(id) } end
  local token = draw()
  set_claim(id, { token = token, generation = generation, sid = sid })
  return { 'GRANTED', str(token), stat:get(id) }
end
local function command()
  local sid, results, ids = ARGV[11], {}, ids_of(12, 2)
  if not live(sid) then return refuse('NOSESSION') end
  if meta.now < meta.quarantine then return refuse('QUARANTINE', str(quarantine_left())) end
  spec:load(ids)
  claim:load(ids)
  stat:load(ids)
  for i = 12, arg_count, 2 do results[#results + 1] = claim_one(sid, ARGV[i], tonumber(ARGV[i + 1])) end
  return results
end
`

/**
 * Gives claims back.
 *
 * ARGV: 11 sid, from 12 on (id, token, refusing code or empty)*. Value: `[number released]`.
 */
export const release = idsOf + `
local function refuse_spec(id, generation, code)
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
  local refused = table.concat(codes, ',', math.max(1, #codes - ${maxRefused} + 1))
  spec:set(id, format_spec(old.generation, old.stamp, old.op, old.initial, old.failed, refused, body_of(old)))
  append('s', id)
end
local function command()
  local sid, released = ARGV[11], 0
  claim:load(ids_of(12, 3))
  for i = 12, arg_count, 3 do
    local id, token, code = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
    local current = claim_of(id)
    if current and current.token == token and current.sid == sid then
      if code ~= '' then refuse_spec(id, current.generation, code) end
      set_claim(id, nil)
      released = released + 1
    end
  end
  return { str(released) }
end
`

/**
 * Stores the status of children.
 *
 * ARGV: 11 sid, from 12 on (id, token, status)*. Value: `[number stored]`.
 */
export const report = idsOf + `
local function command()
  local sid, count = ARGV[11], 0
  claim:load(ids_of(12, 3))
  for i = 12, arg_count, 3 do
    local id = ARGV[i]
    local current = claim_of(id)
    if current and current.token == tonumber(ARGV[i + 1]) and current.sid == sid then
      stat:set(id, ARGV[i + 2])
      append('c', id)
      count = count + 1
    end
  end
  return { str(count) }
end
`
