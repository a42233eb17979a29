-- The server's clock and identity: `time`, its unix time in milliseconds, and `server_run`, the id of its process.
-- The project's tests replace this file by one that takes both from two more arguments: no argument can move the clock
-- of a real registry. `arg_count` is the number of arguments without those two.

local arg_count = #ARGV
local clock = redis.call('TIME')
local time = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local server_run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not server_run then return redis.error_reply('ERR INFO server tells no run_id') end
