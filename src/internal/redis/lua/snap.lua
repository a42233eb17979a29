-- Reads one page of everything: specs, then tombstones, then claims that have neither.
-- A cursor is `phase:cursor of HSCAN`. HSCAN returns a small hash whole, whatever COUNT says.
-- Twin of `snap` in registry/reads.ts.
--
-- KEYS   every part of the scope, in the order of `parts` in scripts.ts.
-- ARGV   1 to 10: the envelope (shared/begin.lua).
--        11: the cursor; empty to begin.
-- Reply  `{ next cursor, or empty at the end, { item* } }` (shared/items.lua); the refusal RESYNC for a cursor that is
--        none.
local needs_memory = false
-- @include shared/begin.lua
-- @include shared/items.lua

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

local function is_full() return #rows >= MAX_BATCH or bytes >= MAX_PAGE_BYTES or looked_at >= MAX_ENTRIES end

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

-- @include shared/end.lua
