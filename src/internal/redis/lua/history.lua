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
local place = string.find(cursor, '^%d+%-%d+$') and cursor or nil
local from = place

local function read(count)
  local page
  if back then
    page = redis.pcall('XREVRANGE', hist_key, from and '(' .. from or '+', str(int(ARGV[14]) or 0), 'COUNT', count)
  else
    page = redis.pcall('XRANGE', hist_key, '(' .. from, '+', 'COUNT', count)
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

local function command()
  if not back and not place then
    local newest = redis.pcall('XREVRANGE', hist_key, '+', '-', 'COUNT', 1)[1]
    return { newest and newest[1] or '0-0', '', {} }
  end
  local rows, bytes, seen = {}, 0, 0
  while true do
    local entry = next_entry()
    if not entry then return { cursor, '', rows } end
    local row = row_of(entry)
    if row and wanted ~= '' and row[2] ~= wanted then row = nil end
    if row then bytes = bytes + #row[2] + #row[4] + #row[6] + #row[7] + 64 end
    if seen >= HISTORY_PAGE or #rows >= limit or (bytes > MAX_PAGE_BYTES and #rows > 0) then
      return { cursor, '1', rows }
    end
    seen, cursor = seen + 1, entry[1]
    if row then rows[#rows + 1] = row end
  end
end

-- @include shared/end.lua
