-- History: what happened to children and nodes. Twin of registry/historyRecords.ts. An entry is written by `flush`,
-- with the effect that it tells of; one that cannot be written is lost, and fails nothing.

local told, lost = {}, 0

-- The first bytes of a text, and no character in part; also of one that is percent-encoded.
local function cut(text, most)
  if #text <= most then return text end
  local last = most
  while last > 0 and (string.find(text, '^[\128-\191]', last + 1) or most == MAX_BY and (
    string.find(text, '^%%[89ABab]%x', last + 1) or string.find(string.sub(text, math.max(1, last - 1), last), '%%')))
  do last = last - 1 end
  return string.sub(text, 1, last)
end

-- `who`: who asked for it, percent-encoded, so that a blank ends it.
local function tell(what, id, token, sid, note, attempt, n, who)
  if keep_history == 0 then return end
  note = cut(note, MAX_NOTE)
  if who then note = cut(who, MAX_BY) .. (note == '' and '' or ' ' .. note) end
  meta.hist = math.max(meta.hist, time)
  told[#told + 1] = { str(meta.hist) .. '-' .. str(draw()), 'id', id, 'token', str(token), 'node', sid, 'attempt',
    str(attempt or 0), 'what', what, 'note', note, 'n', str(n or 1) }
end

-- Notes of an owner: `what:attempt:n:text`, separated by the character 30.
local function tell_notes(id, token, sid, notes)
  if not notes or notes == '' then return end
  for what, attempt, n, text in string.gmatch(notes .. '\30', '(%l+):(%d+):(%d+):([^\30]*)\30') do
    tell(what, id, token, sid, text, int(attempt) or 0, int(n) or 1)
  end
end

-- Whether a stream refuses an entry because of its last one, which it remembers when that one was deleted.
local function is_behind_all(err)
  return string.find(err, 'equal or smaller', 1, true) or string.find(err, 'exhausted', 1, true)
end

local function add_entry(entry, ...)
  local reply = redis.pcall('XADD', hist_key, ...)
  if type(reply) ~= 'table' or not reply.err then return true end
  -- An entry that stands behind ours is none of ours. The stream takes no other, and is begun anew.
  if not is_behind_all(reply.err) then return false end
  redis.pcall('DEL', hist_key)
  reply = redis.pcall('XADD', hist_key, unpack(entry))
  return type(reply) ~= 'table' or not reply.err
end

-- The last entry of a command trims the stream: by the number of entries, or by their age, since one XADD takes one
-- bound. Multiples of irrational numbers choose: commands at regular steps of the counter and of the clock do not keep
-- to one bound.
local function write_history()
  local turn = (meta.high % 1048576 * 0.7548776662466927 + time % 1048576 * 0.5698402909980532) % 1
  for i, entry in ipairs(told) do
    local written
    if i < #told then
      written = add_entry(entry, unpack(entry))
    elseif turn < 0.5 then
      written = add_entry(entry, 'MAXLEN', '~', str(math.max(keep_history, 4 * spec.size)), unpack(entry))
    else
      written = add_entry(entry, 'MINID', '~', str(math.max(0, meta.hist - keep_history_time)), unpack(entry))
    end
    if written then dirty = true else lost = lost + 1 end
  end
end
