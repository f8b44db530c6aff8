-- EVENT_REMOVE: the announcement of the newest kept event as removed begins, so all newer ones are announced. ARGV: the
-- subscription's key, token, lease ms, the stored event, number of removed events. Returns 1, or 0 when the session is lost.
local key, token, lease_ms, entry, removed = unpack(ARGV)
local holder = redis.call('HMGET', key, 'token', 'gone')
if holder[1] ~= token then return 0 end
if holder[2] == entry then return 1 end
if redis.call('LINDEX', key .. ':kept', -1) ~= entry then return 0 end
redis.call('RPOP', key .. ':kept')
redis.call('HSET', key, 'gone', entry, 'removed', removed, 'doubts', 0, 'lease', now() + lease_ms)
return 1
