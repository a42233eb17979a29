-- History: what happened to children and nodes. Twin of registry/historyRecords.ts. An entry is written by `flush`,
-- with the effect that it tells of; one that cannot be written is lost, and fails nothing.

local told, lost = {}, 0

local function cut(note)
  if #note <= MAX_NOTE then return note end
  local last = MAX_NOTE
  while last > 0 and string.find(note, '^[\128-\191]', last + 1) do last = last - 1 end
  return string.sub(note, 1, last)
end

local function tell(what, id, token, sid, note, attempt, n)
  if keep_history == 0 then return end
  meta.hist = math.max(meta.hist, time)
  told[#told + 1] = { str(meta.hist) .. '-' .. str(draw()), 'id', id, 'token', str(token), 'node', sid, 'attempt',
    str(attempt or 0), 'what', what, 'note', cut(note), 'n', str(n or 1) }
end

-- Notes of an owner: `what:attempt:n:text`, separated by the character 30.
local function tell_notes(id, token, sid, notes)
  if not notes or notes == '' then return end
  for what, attempt, n, text in string.gmatch(notes .. '\30', '(%l+):(%d+):(%d+):([^\30]*)\30') do
    tell(what, id, token, sid, text, int(attempt) or 0, int(n) or 1)
  end
end

-- The last entry of a command trims the stream: by the number of entries, or by their age.
local function trimming(at)
  if at % 2 == 0 then return 'MAXLEN', '~', str(math.max(keep_history, 4 * spec.size)) end
  return 'MINID', '~', str(math.max(0, meta.hist - keep_history_time))
end

local function add_entry(entry, ...)
  local reply = redis.pcall('XADD', hist_key, ...)
  if type(reply) ~= 'table' or not reply.err then return true end
  if not string.find(reply.err, 'equal or smaller', 1, true) then return false end
  -- An entry at an absurd time is none of ours. The stream takes no other behind it, and is begun anew.
  local newest = redis.pcall('XREVRANGE', hist_key, '+', '-', 'COUNT', 1)[1]
  if not newest or history_place(newest) then return false end
  redis.pcall('DEL', hist_key)
  reply = redis.pcall('XADD', hist_key, unpack(entry))
  return type(reply) ~= 'table' or not reply.err
end

local function write_history()
  for i, entry in ipairs(told) do
    local written
    if i < #told then
      written = add_entry(entry, unpack(entry))
    else
      local how, about, bound = trimming(meta.high)
      written = add_entry(entry, how, about, bound, unpack(entry))
    end
    if written then dirty = true else lost = lost + 1 end
  end
end
