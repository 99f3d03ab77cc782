-- One event a request, as JSON, into lua-resty-kafka.
local cjson = require "cjson"
local producer = require "nginx.kafka.producer"

local OK = '<response status="ok" permission_level="anonymous" message="The event was reported" cached="0"/>'
local BAD = '<response status="error" permission_level="anonymous" code="invalid_input"/>'
local function async_producer()
   return producer:new({ { host = broker_host, port = broker_port } },
      { producer_type = "async", max_buffering = 300000 })
end

return function()
   local args = ngx.req.get_uri_args()
   local photo_id, event = args.photo_id, args.event
   ngx.header["Content-Type"] = "text/xml; charset=utf-8"
   ngx.header["Access-Control-Allow-Origin"] = "*"
   ngx.header["Cache-Control"] = "no-store"
   ngx.header["X-Content-Type-Options"] = "nosniff"
   if not photo_id or not event or not ngx.re.find(photo_id, "^[0-9]+$", "jo") then
      ngx.print(BAD)
      return
   end
   local message = cjson.encode({ v = 1, ts = ngx.now() * 1000, kind = "event", site = "default", photo_id = photo_id,
      event = event, source = args.source, uuid = args.uuid, ip = ngx.var.remote_addr, ua = ngx.var.http_user_agent })
   local ok = async_producer():send(topic, photo_id, message)
   if not ok then
      ngx.status = 503
      return
   end
   ngx.print(OK)
end
