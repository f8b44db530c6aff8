-- TX_MOVE: change the status of a transaction. ARGV: id, the allowed current statuses (space-separated), the new status, reason,
-- fields as JSON {name: string}, the hash of the latest version that the caller knows ('' for none), '1' if the new status is an
-- end state, seconds after which the record expires or 0. An executed transaction never expires, because its key must not lead to
-- a second one. Returns the current status. Nothing changes if the current status is not allowed, or if there is a newer version,
-- which the caller's findings do not cover.
-- The amounts reserved for the day stay, because a node's claim of a lower cost cannot be verified.
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
