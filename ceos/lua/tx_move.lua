-- TX_MOVE: note how far a transaction has come. ARGV: id, the statuses it may come from (blank-separated), its new one, reason,
-- fields as JSON {name: text}, caps as JSON {name: what it really cost}, whether it is over (1 or nothing), seconds after which
-- its record is forgotten, or 0. What was carried out is never forgotten: its key must not lead to a second one.
-- Returns the status it has now; nothing changes where it has come from another one.
local id, from, status, reason, fields, caps, over, keep = unpack(ARGV)
local record = 'ceos:' .. id
local old, day, held, n = unpack(redis.call('HMGET', record, 'st', 'day', 'caps', 'n'))
if not old then return 'missing' end
if old == status and over ~= '' then return old end
if not string.find(' ' .. from .. ' ', ' ' .. old .. ' ', 1, true) then return old end
redis.call('HSET', record, 'st', status, 'why', reason)
for name, value in pairs(cjson.decode(fields)) do redis.call('HSET', record, name, value) end
if over == '' then
  redis.call('ZADD', 'ceos:chain:due', 'NX', 0, id)
  return status
end
if day and held and redis.call('EXISTS', 'ceos:tx-spent:' .. day) == 1 then
  -- What was reserved and not used is free again.
  local real = cjson.decode(caps)
  for _, cap in ipairs(cjson.decode(held)) do
    redis.call('HINCRBY', 'ceos:tx-spent:' .. day, cap.name, (real[cap.name] or cap.amount) - cap.amount)
  end
end
for index = 1, tonumber(n) do redis.call('HDEL', record, 'raw' .. index) end
redis.call('ZREM', 'ceos:chain:due', id)
if tonumber(keep) > 0 then redis.call('EXPIRE', record, keep) end
return status
