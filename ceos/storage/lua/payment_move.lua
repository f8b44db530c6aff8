-- PAYMENT_MOVE: give a purchase another status. ARGV: purchase, statuses that it may have (blank-separated), new status,
-- fields JSON. The money of a purchase that can no longer be charged is released. Returns the status of the purchase.
local id, allowed, status, fields = unpack(ARGV)
local key = 'ceos:' .. id
local old, day, agent, micro = unpack(redis.call('HMGET', key, 'st', 'day', 'agent', 'micro'))
if not old then return '' end
if not string.find(' ' .. allowed .. ' ', ' ' .. old .. ' ', 1, true) then return old end
redis.call('HSET', key, 'st', status)
for name, value in pairs(cjson.decode(fields)) do redis.call('HSET', key, name, value) end
local spent = 'ceos:pay-spent:' .. day
if status == 'expired' and old ~= 'expired' and redis.call('EXISTS', spent) == 1 then
  redis.call('HINCRBY', spent, 'total', -micro)
  redis.call('HINCRBY', spent, 'a:' .. agent, -micro)
end
return status
