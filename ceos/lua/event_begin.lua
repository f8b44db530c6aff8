-- EVENT_BEGIN: one event is about to be handed over, so all before it have been. ARGV: the subscription's key, token, lease ms,
-- its place (`block:index:hash`), block, how many were handed over with it, what to keep of it ("" beyond the reach of
-- re-orgs), its block as a mark, how many are kept at most. Returns 1, or 0 when somebody else has taken over.
local key, token, lease_ms, at, block, handed, entry, mark, most = unpack(ARGV)
if redis.call('HGET', key, 'token') ~= token then return 0 end
redis.call('HSET', key, 'at', at, 'next', block, 'handed', handed, 'lease', now() + lease_ms)
if entry == '' then return 1 end
local kept = key .. ':kept'
if redis.call('LINDEX', kept, -1) ~= entry then
  redis.call('RPUSH', kept, entry)
  redis.call('LTRIM', kept, -most, -1)
end
redis.call('ZADD', key .. ':marks', block, mark)
return 1
