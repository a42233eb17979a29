/**
 * Bodies of the scripts that read: twins of `registry/reads.ts`.
 *
 * @internal
 */
import { maxBatch, maxPageBytes } from "../registry/commands.js"
import { maxEntries } from "../registry/reads.js"

const liveNodes = `
local function live_nodes()
  local sids, rows = {}, {}
  for _, sid in ipairs(redis.call('ZRANGE', sess_key, 0, -1)) do
    if expiry[sid] ~= false then sids[#sids + 1] = sid end
  end
  node:load(sids)
  for i, sid in ipairs(sids) do rows[i] = { sid, node:get(sid) or '' } end
  return rows
end
`

/**
 * Items are read few at a time, since a page may be full after any of them. An item is
 * `[id, "1" if spec and tombstone are told, spec, tombstone, claim, status]`.
 */
const items = `
local function load_items(ids)
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  stat:load(ids)
end
local function item_of(id, with_spec)
  local item = { id, with_spec and '1' or '', with_spec and spec:get(id), with_spec and tomb:get(id), claim:get(id),
    stat:get(id) }
  local bytes = #id
  for i = 3, 6 do
    if item[i] then bytes = bytes + #item[i] end
  end
  return item, bytes
end
`

/**
 * The live sessions.
 *
 * Value: one `[sid, record]` each.
 */
export const nodes = liveNodes + `
local function command() return live_nodes() end
`

/**
 * What changed after a position of the log. Entries that the guard has just made are not in the stream yet.
 *
 * ARGV: 11 cursor. Value: `[cursor, "1" if there is more, items, nodes or null]`.
 */
export const changes = liveNodes + items + `
local function is_gap(cursor)
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
local cursor, is_more, is_membership = tonumber(ARGV[11]), false, false
local function take(entry)
  if (entry.kind == 's' or entry.kind == 'c') and entry.id then
    local id = entry.id
    if not position_before[id] then
      if #ids >= ${maxBatch} then return false end
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
    if i > ${maxEntries} or not take(entry) then
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
    if bytes > ${maxPageBytes} and #rows > 0 then
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
  return { str(cursor), is_more and '1' or '', rows, is_membership and live_nodes() }
end
`

/**
 * One page of everything: specs, tombstones, then claims of neither. A cursor is `phase:cursor of HSCAN`; small hashes
 * come whole, whatever is asked for.
 *
 * ARGV: 11 cursor, or empty. Value: `[next cursor or empty, items]`.
 */
export const snap = items + `
local walked = { spec, tomb, claim }
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
local function is_full() return #rows >= ${maxBatch} or bytes >= ${maxPageBytes} or looked_at >= ${maxEntries} end
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
`
