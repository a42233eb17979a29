-- Storing a spec. `absent` is the result for an id that has none: within the quarantine it may still come.

local function store_spec(id, value)
  spec:set(id, value)
  tomb:set(id, false)
  if sizes.tombx > 0 or tombx_changed[id] then tombx_changed[id] = false end
  append('s', id)
  return value
end

local function absent()
  return { meta.now < meta.quarantine and 'QUARANTINE' or 'ABSENT' }
end
