-- Directives: `{ name, record }` each, and storing one with its full retention.

local function all_directives()
  local rows = {}
  for name, value in pairs(sizes.direct > 0 and all_fields(direct_key) or {}) do
    if parse_directive(value) then rows[#rows + 1] = { name, value } end
  end
  return rows
end

local function directive_of(name)
  local value = direct:get(name)
  return value and parse_directive(value) or nil
end

local function store_directive(name, directive)
  directive.til = meta.now + DIRECTIVE_RETENTION
  local value = format_directive(directive)
  direct:set(name, value)
  append('d', name)
  return value
end
