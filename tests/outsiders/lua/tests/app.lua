-- What the tests ask of Lua.
local kept

local pages = {
   ["/"] = function() return 200, { ["Content-Type"] = "text/plain" }, "Hello from Lua\n" end,
   ["/echo"] = function(request)
      return 201, { ["Set-Cookie"] = { "a=1", "b=2" }, ["X-Count"] = 7 }, function(write)
         for part in function() return request.read(1000) end do
            if not write(part) then return end
         end
      end
   end,
   ["/show"] = function(request)
      return 200, nil, table.concat({ request.method, request.query, request.remote,
         request.headers["x-a"] or "", request.headers.host or "" }, "|")
   end,
   ["/stream"] = function()
      return 200, {}, function(write)
         for i = 1, 50 do write(string.rep(tostring(i % 10), 10000)) end
      end
   end,
   ["/error"] = function() error("the script gave up") end,
   ["/keep"] = function(request) kept = request.read return 204 end,
   ["/kept"] = function() return 200, nil, select(2, pcall(kept)) end,
   ["/bad"] = function() return 200, { ["X-A"] = "a\r\nb" } end,
   ["/status"] = function() return "none" end,
}

function handle(request)
   local page = pages[request.path]
   if not page then return 404, nil, "no page" end
   return page(request)
end
