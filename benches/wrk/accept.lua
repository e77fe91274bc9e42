-- Creates clusters, each with a name and an idempotency key of its own. Environment: RUN (part of the names), CLUSTER (the
-- other members of the body as JSON).
local run, rest = os.getenv("RUN"), os.getenv("CLUSTER"):sub(2)
local count = 0

request = function()
    count = count + 1
    local name = "c" .. run .. "-" .. count
    local headers = { ["content-type"] = "application/json", ["idempotency-key"] = name }
    return wrk.format("POST", "/v1/clusters", headers, '{"name":"' .. name .. '",' .. rest)
end

dofile(os.getenv("REPORT"))
