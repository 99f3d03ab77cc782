-- Requests for wrk, made before it starts: `wrk ... URL -- SHAPE`. Prints one line of JSON at the end.
local COUNT = 512
local EVENT = "/api/analytics/report/event"

local function uuid(i)
   return string.format("%08x-4f3a-0c21-9d7e-%012x", i * 2654435761 % 4294967296, i)
end

local function query(i)
   return string.format("photo_id=%d&event=load&source=site&uuid=%s", i, uuid(i))
end

local function json(i)
   return string.format('{"photo_id":%d,"event":"load","source":"site","uuid":"%s"}', i, uuid(i))
end

local shapes = {}

function shapes.get(i)
   return wrk.format("GET", EVENT .. "?" .. query(i))
end

-- Without uuid: the viewer is made of address, user agent and site.
function shapes.nouuid(i)
   return wrk.format("GET", string.format("%s?photo_id=%d&event=load&source=site", EVENT, i))
end

-- What the HTML5 player's browser sends.
function shapes.player(i)
   return wrk.format("GET", EVENT .. "?callback=window.ignore&" .. query(i) ..
      "&user_player_type=html5&user_player_version=&user_player_resolution=1920x1080&type=clip" ..
      "&referer=https%3A%2F%2Fwww.example.org%2Fvideos%3Fpage%3D1", {
      ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " ..
         "Chrome/119.0.0.0 Safari/537.36",
      ["Accept"] = "*/*", ["Accept-Encoding"] = "gzip, deflate, br", ["Accept-Language"] = "en-GB,en;q=0.9",
      ["Referer"] = "https://www.example.org/videos?page=1", ["Sec-Fetch-Dest"] = "script",
   })
end

function shapes.close(i)
   return wrk.format("GET", EVENT .. "?" .. query(i), { Connection = "close" })
end

function shapes.form(i)
   return wrk.format("POST", EVENT, { ["Content-Type"] = "application/x-www-form-urlencoded" }, query(i))
end

function shapes.json(i)
   return wrk.format("POST", EVENT, { ["Content-Type"] = "application/json" }, json(i))
end

function shapes.batch(i)
   local reports = {}
   for n = 1, 100 do
      reports[n] = json(i * 100 + n)
   end
   return wrk.format("POST", EVENT, { ["Content-Type"] = "application/json" }, "[" .. table.concat(reports, ",") .. "]")
end

function shapes.pipeline(i)
   local together = {}
   for n = 1, 16 do
      together[n] = shapes.get(i * 16 + n)
   end
   return table.concat(together)
end

local ready, at = {}, 0

local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

request_bytes = 0 -- on average; done() lives elsewhere and asks for it by name

function init(args)
   for i = 1, COUNT do
      ready[i] = shapes[args[1]](i)
      request_bytes = request_bytes + #ready[i] / COUNT
   end
end

function request()
   at = at % COUNT + 1
   return ready[at]
end

function done(summary, latency)
   local e = summary.errors
   print(string.format('{"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"request_bytes":%.0f,' ..
      '"reply_bytes":%.0f,"errors":%d}', summary.requests, summary.duration / 1e6, latency:percentile(50),
      latency:percentile(99), threads[1]:get("request_bytes"), summary.bytes / math.max(1, summary.requests),
      e.connect + e.read + e.write + e.status + e.timeout))
end
