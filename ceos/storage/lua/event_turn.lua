-- EVENT_TURN: take the turn to follow a subscription, or keep it. ARGV: its key, token, lease ms.
-- Returns its fields, or nothing while somebody else has the turn.
local key, token, lease_ms = unpack(ARGV)
local holder = redis.call('HMGET', key, 'token', 'lease')
if holder[1] and holder[1] ~= token and tonumber(holder[2]) > now() then return {} end
redis.call('HSET', key, 'token', token, 'lease', now() + lease_ms)
return redis.call('HGETALL', key)
