-- Storing a tombstone. Each one sweeps away a few others whose retention is over: the due ones are read page by page,
-- in order, and one that this script has written is due no more.

local due, due_at, due_read, due_end = {}, 0, 0, sizes.tombx == 0

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
  while swept < TOMBSTONE_SWEEP do
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
  tombx_changed[id] = not initial and meta.now + TOMBSTONE_RETENTION
  append('s', id)
  sweep()
  return value
end

local function end_spec(id, old, by, how)
  local stamp = draw()
  return store_tomb(id, format_tomb(stamp, old.generation, old.op, by, how, old.initial), old.initial)
end
