-- Reads one of the paths after the other. Environment: PATHS (with spaces between).
local paths, count = {}, 0
for path in os.getenv("PATHS"):gmatch("%S+") do paths[#paths + 1] = path end

request = function()
    count = count % #paths + 1
    return wrk.format("GET", paths[count])
end

dofile(os.getenv("REPORT"))
