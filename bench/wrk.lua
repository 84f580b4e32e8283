-- What wrk (wrk(1)) asks for: the paths of a file, a line each, in turn, from a line on.
--
-- usage: wrk ... -s wrk.lua URL -- FILE FROM
--
-- The last line it prints has requests, microseconds, errors (no answer, or a status of 400
-- and more), and the latencies at 1, 2, ... 99 and 99.9 per cent, in microseconds.

local requests = {}
local at

function init(arguments)
	for line in io.lines(arguments[1]) do
		requests[#requests + 1] = wrk.format("GET", line)
	end
	at = tonumber(arguments[2]) % #requests
end

function request()
	at = at % #requests + 1
	return requests[at]
end

function done(summary, latency)
	local errors = summary.errors
	local line = { summary.requests, summary.duration,
		errors.connect + errors.read + errors.write + errors.status + errors.timeout }

	for percent = 1, 99 do
		line[#line + 1] = math.floor(latency:percentile(percent))
	end
	line[#line + 1] = math.floor(latency:percentile(99.9))
	io.write("result ", table.concat(line, " "), "\n")
end
