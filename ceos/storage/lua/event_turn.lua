-- EVENT_TURN: claim or renew the session of a subscription. ARGV: its key, token, lease ms.
-- Returns the fields of the subscription, or nothing while another worker has a session.
local key, token, lease_ms = unpack(ARGV)
local holder = redis.call('HMGET', key, 'token', 'lease')
if holder[1] and holder[1] ~= token and tonumber(holder[2]) > now() then return {} end
redis.call('HSET', key, 'token', token, 'lease', now() + lease_ms)
return redis.call('HGETALL', key)
