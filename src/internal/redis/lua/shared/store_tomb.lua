-- Storing a tombstone, and sweeping others away: those whose time is over, and the oldest of those that are too many.
-- `tombx` keeps the time of the end plus the usual retention, whatever a caller's own is, so that versions and settings
-- may differ: a caller's time and count bound its own sweeps only. They are read page by page, in order; one that this
-- script has touched is none of them.

local oldest, oldest_at, oldest_read, oldest_end = {}, 0, 0, sizes.tombx == 0
local too_many = sizes.tombx - keep_count

local function next_oldest()
  if oldest_at == #oldest and not oldest_end then
    local page = redis.call('ZRANGE', tombx_key, oldest_read, oldest_read + 9, 'WITHSCORES')
    local ids = {}
    oldest, oldest_at, oldest_read, oldest_end = {}, 0, oldest_read + #page / 2, #page < 20
    for i = 1, #page, 2 do
      ids[#ids + 1] = page[i]
      oldest[#oldest + 1] = { id = page[i], at = tonumber(page[i + 1]) }
    end
    tomb:load(ids)
  end
  oldest_at = oldest_at + 1
  return oldest[oldest_at]
end

local function sweep(most)
  local swept = 0
  while swept < most do
    local next = next_oldest()
    if not next then return end
    local id = next.id
    if tombx_changed[id] == nil then
      if next.at > meta.now + TOMBSTONE_TERM - keep_time and too_many <= 0 then
        oldest_at = oldest_at - 1
        return
      end
      swept = swept + 1
      too_many = too_many - 1
      local value = tomb:get(id)
      local old = value and parse_tomb(value)
      if old then meta.collected = math.max(meta.collected, old.stamp) end
      tomb:set(id, false)
      tombx_changed[id] = false
    end
  end
end

local function store_tomb(id, value, initial)
  drop_trial(id)
  drop_state(id)
  spec:set(id, false)
  stat:set(id, false)
  tomb:set(id, value)
  tombx_changed[id] = not initial and meta.now + TOMBSTONE_TERM
  append('s', id)
  sweep(TOMBSTONE_SWEEP)
  return value
end

local function end_spec(id, old, end_op, how, pruned)
  local stamp, initial = draw(), old.initial and not pruned
  return store_tomb(id, format_tomb(stamp, old.generation, old.op, end_op, how, initial, pruned), initial)
end
