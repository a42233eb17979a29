-- The ids among the arguments: every `step`-th one, from argument `from` on.

local function ids_of(from, step)
  local ids = {}
  for i = from, arg_count, step do ids[#ids + 1] = ARGV[i] end
  return ids
end
