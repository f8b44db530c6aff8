-- EVENT_REMOVE: the newest event that is kept is about to be announced as removed, so all newer ones have been. ARGV: the
-- subscription's key, token, lease ms, the entry, how many were removed with it. Returns 1, or 0 when somebody else has
-- taken over.
local key, token, lease_ms, entry, removed = unpack(ARGV)
local holder = redis.call('HMGET', key, 'token', 'gone')
if holder[1] ~= token then return 0 end
if holder[2] == entry then return 1 end
if redis.call('LINDEX', key .. ':kept', -1) ~= entry then return 0 end
redis.call('RPOP', key .. ':kept')
redis.call('HSET', key, 'gone', entry, 'removed', removed, 'doubts', 0, 'lease', now() + lease_ms)
return 1
