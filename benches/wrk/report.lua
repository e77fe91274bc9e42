-- Prints requests, failures, seconds and the 99th percentile in ms.
done = function(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("RESULT %d %d %.3f %.3f", summary.requests, failed, summary.duration / 1e6, latency:percentile(99) / 1e3))
end
