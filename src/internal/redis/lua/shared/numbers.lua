-- Numbers from and to text. Lua's numbers are doubles, and the registry's counter is near 2^51: only `str` may turn a
-- number into text, since concatenation, `tostring` and `cjson` lose digits.

-- The bounds are those of registry/bounds.ts: a number beyond them counts as not sent, and as not stored.

local function int(text, most)
  if not text or #text > 16 or not string.find(text, '^%d+$') then return nil end
  local n = tonumber(text)
  if n <= (most or 9007199254740991) then return n end
  return nil
end

local function counter(text) return int(text, MAX_COUNTER) end

local function str(n) return string.format('%.0f', n) end
