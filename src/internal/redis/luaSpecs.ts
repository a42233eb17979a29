/**
 * Bodies of the scripts about specs and tombstones: twins of `registry/machine.ts`.
 *
 * @internal
 */
import { tombstoneRetention, tombstoneSweep } from "../registry/commands.js"

/** Storing specs. */
const storeSpec = `
local function ids_of(from, step)
  local ids = {}
  for i = from, arg_count, step do ids[#ids + 1] = ARGV[i] end
  return ids
end
local function store_spec(id, value)
  spec:set(id, value)
  tomb:set(id, false)
  if sizes[6] > 0 or tombx_changed[id] then tombx_changed[id] = false end
  append('s', id)
  return value
end
local function absent()
  return { meta.now < meta.quarantine and 'QUARANTINE' or 'ABSENT' }
end
`

/**
 * Storing tombstones, each of which sweeps a few away that are due. The due ones are read page by page, in order; one
 * that this script has touched is not due any more.
 */
const storeTomb = `
local due, due_at, due_read, due_end = {}, 0, 0, sizes[6] == 0
local function next_due()
  if due_at == #due and not due_end then
    due = redis.call('ZRANGEBYSCORE', tombx_key, '-inf', str(meta.now), 'LIMIT', str(due_read), '50')
    due_at, due_read, due_end = 0, due_read + #due, #due < 50
    tomb:load(due)
  end
  due_at = due_at + 1
  return due[due_at]
end
local function sweep()
  local swept = 0
  while swept < ${tombstoneSweep} do
    local id = next_due()
    if not id then return end
    if tombx_changed[id] == nil then
      swept = swept + 1
      local value = tomb:get(id)
      local old = value and parse_tomb(value)
      if old then meta.collected = math.max(meta.collected, old.stamp) end
      tomb:set(id, false)
      tombx_changed[id] = false
    end
  end
end
local function store_tomb(id, value, initial)
  spec:set(id, false)
  stat:set(id, false)
  tomb:set(id, value)
  tombx_changed[id] = not initial and meta.now + ${tombstoneRetention}
  append('s', id)
  sweep()
  return value
end
local function end_spec(id, old, by, how)
  local stamp = draw()
  return store_tomb(id, format_tomb(stamp, old.generation, old.op, by, how, old.initial), old.initial)
end
`

/**
 * Registers specs.
 *
 * ARGV: 11 mode, from 12 on (id, op, generation, body)*. Value: one `[tag]` or `[tag, spec or tombstone]` each.
 */
export const put = storeSpec + `
local function create(id, op, body, initial, by_list)
  local generation = draw()
  stat:set(id, false)
  local stamp = by_list and 1 or generation
  return { 'CREATED', store_spec(id, format_spec(generation, stamp, op, initial, false, '', body)) }
end
local function mark_spec(id, stored_spec, old)
  if old.initial then return stored_spec end
  return store_spec(id,
    format_spec(old.generation, old.stamp, old.op, true, old.failed, old.refused, body_of(old)))
end
local function mark_tomb(id, stored_tomb, ended)
  if ended.initial then return stored_tomb end
  local value = format_tomb(ended.stamp, ended.generation, ended.op, ended.by, ended.how, true)
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
local function ensure(id, op, body, by_list)
  local stored_spec = spec:get(id)
  if stored_spec then return ensure_present(id, op, body, stored_spec, by_list) end
  local stored_tomb = tomb:get(id)
  local ended = stored_tomb and parse_tomb(stored_tomb)
  if stored_tomb and not ended then return { 'MALFORMED' } end
  if ended and (by_list or ended.op == op) then
    local kept = by_list and mark_tomb(id, stored_tomb, ended) or stored_tomb
    return { ended.how == 'e' and 'DONE' or 'TERMINATED', kept }
  end
  if not ended and meta.now < meta.quarantine then return { 'QUARANTINE' } end
  return create(id, op, body, by_list or (ended and ended.initial), by_list)
end
local function supersede(id, op, generation, body, bump)
  local stored_spec = spec:get(id)
  if not stored_spec then return absent() end
  local old = parse_spec(stored_spec)
  if not old then return { 'MALFORMED' } end
  if old.op == op then return { 'CREATED', stored_spec } end
  if old.generation ~= generation then return { 'CONFLICT', stored_spec } end
  return create(id, op, bump and body_of(old) or body, old.initial, false)
end
local function command()
  local mode, results, ids = ARGV[11], {}, ids_of(12, 4)
  spec:load(ids)
  tomb:load(ids)
  for i = 12, arg_count, 4 do
    local id, op, generation, body = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
    if mode == 'ensure' or mode == 'ensureInitial' then
      results[#results + 1] = ensure(id, op, body, mode == 'ensureInitial')
    else
      results[#results + 1] = supersede(id, op, generation, body, mode == 'bump')
    end
  end
  return results
end
`

/**
 * Ends specs.
 *
 * ARGV: from 11 on (id, op, generation)*. Value: one `[tag]` or `[tag, spec or tombstone]` each.
 */
export const del = storeSpec + storeTomb + `
local function del_one(id, op, generation)
  local stored_spec = spec:get(id)
  if not stored_spec then
    local stored_tomb = tomb:get(id)
    local ended = stored_tomb and parse_tomb(stored_tomb)
    if ended and ended.by == op then return { 'GONE', stored_tomb } end
    return absent()
  end
  local old = parse_spec(stored_spec)
  if not old then return { 'MALFORMED' } end
  if old.generation > generation then return { 'NEWER', stored_spec } end
  local value = end_spec(id, old, op, 'd')
  local current = claim_of(id)
  if current and not live(current.sid) then set_claim(id, nil) end
  return { 'GONE', value }
end
local function command()
  local results, ids = {}, ids_of(11, 3)
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  for i = 11, arg_count, 3 do
    results[#results + 1] = del_one(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]))
  end
  return results
end
`

/**
 * Ends or parks children, and gives their claims back.
 *
 * ARGV: 11 sid, from 12 on (id, generation, token, how, stat)*. Value: one `[tag]` or `[tag, spec or tombstone]` each.
 */
export const finish = storeSpec + storeTomb + `
local function finish_one(sid, id, generation, token, how, told)
  local current = claim_of(id)
  if not current or current.token ~= token or current.sid ~= sid then return { 'FENCED' } end
  local stored_spec = spec:get(id)
  local old = stored_spec and parse_spec(stored_spec)
  set_claim(id, nil)
  if not old or old.generation ~= generation then return { 'RELEASED' } end
  if how == 'ended' then return { 'ENDED', end_spec(id, old, '', 'e') } end
  stat:set(id, told)
  local stamp = draw()
  return { 'FAILED', store_spec(id,
    format_spec(old.generation, stamp, old.op, old.initial, true, old.refused, body_of(old))) }
end
local function command()
  local results, ids = {}, ids_of(12, 5)
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  for i = 12, arg_count, 5 do
    results[#results + 1] = finish_one(ARGV[11], ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), ARGV[i + 3],
      ARGV[i + 4])
  end
  return results
end
`

/**
 * Merges what a node remembers; the highest rank wins.
 *
 * ARGV: from 11 on (id, kind, value)*. Value: `[number merged]`.
 */
export const merge = storeSpec + storeTomb + `
local function rank_of(record)
  return record.stamp + (record.initial and 0.5 or 0)
end
local function rank_of_stored(stored, parse)
  if not stored then return 0 end
  local record = parse(stored)
  return record and rank_of(record) or math.huge
end
local function rank_in(id)
  return math.max(rank_of_stored(spec:get(id), parse_spec), rank_of_stored(tomb:get(id), parse_tomb))
end
local function merge_one(id, kind, value)
  local new = nil
  if kind == 'spec' then new = parse_spec(value) end
  if kind == 'tomb' then new = parse_tomb(value) end
  if not new or rank_of(new) <= rank_in(id) then return false end
  if kind == 'spec' then
    store_spec(id,
      format_spec(new.generation, new.stamp, new.op, new.initial, new.failed, new.refused, body_of(new)))
  else
    store_tomb(id, format_tomb(new.stamp, new.generation, new.op, new.by, new.how, new.initial), new.initial)
  end
  return true
end
local function command()
  local merged, ids = 0, ids_of(11, 3)
  spec:load(ids)
  tomb:load(ids)
  for i = 11, arg_count, 3 do
    if merge_one(ARGV[i], ARGV[i + 1], ARGV[i + 2]) then merged = merged + 1 end
  end
  return { str(merged) }
end
`
