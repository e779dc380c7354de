-- With a file of targets, one a line, each is asked for in turn.
function init(arguments)
  if not arguments[1] then return end
  local requests, at = {}, 0
  for target in io.lines(arguments[1]) do requests[#requests + 1] = wrk.format("GET", target) end
  request = function()
    at = at % #requests + 1
    return requests[at]
  end
end

-- Prints what wrk measured as one line of numbers.
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("measured %d %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
