-- Stores the record of a session, unless a newer version is stored.

local function store_record(sid, version, json)
  local kept = node:get(sid)
  local header = kept and parse_node(kept)
  if header and header.version > version then return end
  local opened = header and header.opened or draw()
  node:set(sid, str(version) .. '|' .. str(opened) .. '|' .. json)
  append('n', sid)
end
