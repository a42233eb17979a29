/**
 * What every script begins with, part one: numbers, records, and a picture of the data that keeps all changes back until
 * everything was read and checked.
 *
 * @internal
 */

/**
 * Numbers are doubles in Lua, and the registry's counter is near 2^51: `str` is the only way in which one may become
 * text, since concatenation, `tostring` and `cjson` lose digits.
 */
const numbers = `
local function int(text)
  if not text or #text > 16 or not string.find(text, '^%d+$') then return nil end
  local n = tonumber(text)
  if n <= 9007199254740991 then return n end
  return nil
end
local function str(n) return string.format('%.0f', n) end
`

/**
 * The hashes. `set(id, false)` removes. `size` is kept for those whose length is part of the integrity counts; `stat`
 * has none. At most 1,000 arguments go into one call, since Lua's \`unpack\` is bounded.
 */
const hashes = `
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
`

/** The codecs of `registry/state.ts`. A spec's body is told by its position: it need not be copied to be kept. */
const records = `
local function parse_spec(value)
  local g, s, op, flags, refused, body = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|()')
  local generation, stamp = int(g), int(s)
  if not generation or not stamp then return nil end
  return {
    generation = generation, stamp = stamp, op = op, refused = refused, value = value, body = body,
    initial = string.find(flags, 'i', 1, true) ~= nil, failed = string.find(flags, 'f', 1, true) ~= nil
  }
end
local function body_of(spec) return string.sub(spec.value, spec.body) end
local function format_spec(generation, stamp, op, initial, failed, refused, body)
  return str(generation) .. '|' .. str(stamp) .. '|' .. op .. '|' .. (initial and 'i' or '')
    .. (failed and 'f' or '') .. '|' .. refused .. '|' .. body
end
local function parse_tomb(value)
  local s, g, op, by, how, flags = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)|([de])|([^|]*)$')
  local stamp, generation = int(s), int(g)
  if not stamp or not generation then return nil end
  return {
    stamp = stamp, generation = generation, op = op, by = by, how = how,
    initial = string.find(flags, 'i', 1, true) ~= nil
  }
end
local function format_tomb(stamp, generation, op, by, how, initial)
  return str(stamp) .. '|' .. str(generation) .. '|' .. op .. '|' .. by .. '|' .. how .. '|' .. (initial and 'i' or '')
end
local function parse_claim(value)
  local t, g, sid = string.match(value, '^(%d+):(%d+):(.+)$')
  local token, generation = int(t), int(g)
  if not token or not generation then return nil end
  return { token = token, generation = generation, sid = sid }
end
local function parse_node(value)
  local v, o = string.match(value, '^(%d+)|(%d+)|')
  local version, opened = int(v), int(o)
  if not version or not opened then return nil end
  return { version = version, opened = opened }
end
`

/** @internal */
export const luaBase = numbers + hashes + records
