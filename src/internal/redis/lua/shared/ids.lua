-- The ids among the arguments: every `step`-th one, from argument `from` on, up to `last` or the end.

local function ids_of(from, step, last)
  local ids = {}
  for i = from, last or arg_count, step do ids[#ids + 1] = ARGV[i] end
  return ids
end
