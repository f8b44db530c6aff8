-- EVENT_BEGIN: one event is about to be handed over, so all before it have been. ARGV: the subscription's key, token, lease ms,
-- its place (`block:index:hash`), block, how many were handed over with it, what to keep of it ("" beyond the reach of
-- re-orgs), its block as a mark, how many are kept at most, how often it was told of in doubt. Returns 1, or 0 when somebody else has taken over.
-- Without the library of the others, for it runs for every event, see BARE in connection.py.
local key, token, lease_ms, at, block, handed, entry, mark, most, doubts = unpack(ARGV)
if redis.call('HGET', key, 'token') ~= token then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', key, 'at', at, 'next', block, 'handed', handed, 'doubts', doubts, 'lease', now + lease_ms)
if entry == '' then return 1 end
local kept = key .. ':kept'
if redis.call('LINDEX', kept, -1) ~= entry then
  redis.call('RPUSH', kept, entry)
  redis.call('LTRIM', kept, -most, -1)
end
redis.call('ZADD', key .. ':marks', block, mark)
return 1
