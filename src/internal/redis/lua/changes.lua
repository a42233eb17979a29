-- Reads what changed after a position of the log. Entries that the guard has just appended are not in the stream yet.
-- Twin of `changes` in registry/reads.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the cursor, a position of the log.
-- Reply  `{ cursor, "1" if there is more, { item* }, { node* } or null, { directive* } or null }` (shared/items.lua,
--        shared/live_nodes.lua, shared/directives.lua); the refusal RESYNC when the log no longer reaches back to the
--        cursor.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/live_nodes.lua
-- @include shared/directives.lua
-- @include shared/items.lua

local function is_gap(cursor)
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

-- @include shared/end.lua
