-- TX_MOVE: note how far a transaction has come. ARGV: id, the statuses it may come from (blank-separated), its new one, reason,
-- fields as JSON {name: text}, the hash of the last version that the caller knows of, or nothing, whether it is over (1 or
-- nothing), seconds after which its record is forgotten, or 0. What was carried out is never forgotten: its key must not lead to
-- a second one. Returns the status it has now; nothing changes where it has come from another one, or has another version: what
-- the caller has found out about the others says nothing of that.
-- What a day has cost stays as it was when it was signed: that less came of it is only a node's word.
local id, from, status, reason, fields, seen, over, keep = unpack(ARGV)
local record = 'ceos:' .. id
local old, n = unpack(redis.call('HMGET', record, 'st', 'n'))
if not old then return 'missing' end
if old == status and over ~= '' then return old end
if (redis.call('HGET', record, 'hash' .. n) or '') ~= seen then return old end
if not string.find(' ' .. from .. ' ', ' ' .. old .. ' ', 1, true) then return old end
redis.call('HSET', record, 'st', status, 'why', reason)
for name, value in pairs(cjson.decode(fields)) do redis.call('HSET', record, name, value) end
if over == '' then
  redis.call('ZADD', 'ceos:chain:due', 'NX', 0, id)
  return status
end
for index = 1, tonumber(n) do redis.call('HDEL', record, 'raw' .. index) end
redis.call('ZREM', 'ceos:chain:due', id)
if tonumber(keep) > 0 then redis.call('EXPIRE', record, keep) end
return status
