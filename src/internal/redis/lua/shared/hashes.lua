-- Hashes whose writes wait: a command reads and changes a copy, and `flush` writes the changes. Nothing is written
-- before everything was read and checked. `set(id, false)` removes. `size` is kept for hashes whose length is an
-- integrity count. One call has at most 1,000 arguments, since Lua's `unpack` is bounded.

local dirty = false

local function write(...)
  local reply = redis.call(...)
  dirty = true
  return reply
end

local function write_many(command, key, args)
  for from = 1, #args, 1000 do
    write(command, key, unpack(args, from, math.min(from + 999, #args)))
  end
end

-- All of a hash that is small, by HSCAN: users of Redis are asked to permit that command, and not HGETALL.
local function all_fields(key)
  local all, cursor = {}, '0'
  repeat
    local step = redis.call('HSCAN', key, cursor, 'COUNT', '1000')
    for i = 1, #step[2], 2 do all[step[2][i]] = step[2][i + 1] end
    cursor = step[1]
  until cursor == '0'
  return all
end

local Hash = {}
Hash.__index = Hash

local function hash(key, size)
  return setmetatable({ key = key, size = size, known = {}, changed = {} }, Hash)
end

function Hash:load(ids)
  local missing = {}
  for _, id in ipairs(ids) do
    if self.known[id] == nil then missing[#missing + 1] = id end
  end
  for from = 1, #missing, 1000 do
    local values = redis.call('HMGET', self.key, unpack(missing, from, math.min(from + 999, #missing)))
    for i = 1, #values do self.known[missing[from + i - 1]] = values[i] end
  end
end

function Hash:get(id)
  local value = self.known[id]
  if value == nil then
    value = redis.call('HGET', self.key, id)
    self.known[id] = value
  end
  return value
end

function Hash:set(id, value)
  if self.size then
    local before = self:get(id)
    if before and not value then self.size = self.size - 1 end
    if value and not before then self.size = self.size + 1 end
  end
  self.known[id] = value
  self.changed[id] = true
end

function Hash:flush()
  local sets, drops = {}, {}
  for id in pairs(self.changed) do
    local value = self.known[id]
    if value then
      sets[#sets + 1] = id
      sets[#sets + 1] = value
    else
      drops[#drops + 1] = id
    end
  end
  write_many('HSET', self.key, sets)
  write_many('HDEL', self.key, drops)
end
