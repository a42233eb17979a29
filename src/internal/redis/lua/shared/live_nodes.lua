-- The live sessions: `{ sid, record }` each.

local function live_nodes()
  local sids, rows = {}, {}
  for _, sid in ipairs(redis.call('ZRANGE', sess_key, 0, -1)) do
    if expiry[sid] ~= false then sids[#sids + 1] = sid end
  end
  node:load(sids)
  for i, sid in ipairs(sids) do rows[i] = { sid, node:get(sid) or '' } end
  return rows
end
