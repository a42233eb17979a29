-- Items of `changes` and `snap`: `{ id, "1" if spec and tombstone are told, spec, tombstone, claim, status,
-- trial }`.
-- Loaded few at a time, since a page may be full after any of them.

local function load_items(ids)
  spec:load(ids)
  tomb:load(ids)
  claim:load(ids)
  stat:load(ids)
  if sizes.trial > 0 then trial:load(ids) end
end

local function item_of(id, with_spec)
  local item = { id, with_spec and '1' or '', with_spec and spec:get(id), with_spec and tomb:get(id), claim:get(id),
    stat:get(id), sizes.trial > 0 and trial:get(id) }
  local bytes = #id
  for i = 3, 7 do
    if item[i] then bytes = bytes + #item[i] end
  end
  return item, bytes
end
