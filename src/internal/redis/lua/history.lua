-- Reads one page of the history: of one child, or of everything; backwards, or on from a place.
-- What the guard has told within this command is read by the next one.
-- Twin of `history` in registry/history.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the child, or empty for all. 12: "1" for backwards. 13: the cursor, an entry's id; empty for the newest
--        entry. 14: the unix milliseconds down to which is read backwards. 15: how many entries are wanted.
-- Reply  `{ cursor, "1" if there are more to look at, { entry* } }`, an entry being
--        `{ entry's id, child, token, session, attempt, what, note, n }`.
local needs_memory = false
-- @include shared/begin.lua

local wanted, back, cursor, limit = ARGV[11], ARGV[12] == '1', ARGV[13], int(ARGV[15]) or 0
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

-- An entry of another form counts as none.
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

-- The place of the newest entry that can be ours.
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
    -- The stream was begun anew since.
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
    -- Another one is no place to go on from.
    if history_place(entry) then cursor = entry[1] end
    if row then rows[#rows + 1] = row end
  end
end

-- @include shared/end.lua
