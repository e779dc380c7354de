-- Prints what wrk measured as one line of numbers.
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("measured %d %d %d %d %d %d %d", summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
