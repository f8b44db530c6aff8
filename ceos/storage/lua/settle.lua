-- SETTLE: replace a reservation by the cost of the call. ARGV: agent, UTC day, name, micro-USD. Settling again changes nothing.
local agent, day, name, amount = unpack(ARGV)
local key = 'ceos:spend:' .. agent .. ':' .. day
local reserved = redis.call('HGET', key, 'r:' .. name)
if not reserved then return redis.call('HGET', key, 'total') or '0' end
redis.call('HDEL', key, 'r:' .. name)
return tostring(redis.call('HINCRBY', key, 'total', amount - reserved))
