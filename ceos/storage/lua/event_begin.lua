-- EVENT_BEGIN: the delivery of an event begins, so all events before it are delivered. ARGV: the subscription's key, token,
-- lease ms, the event's position (`block:index:hash`), block, number of delivered events, the stored event ("" beyond the
-- reach of re-orgs), its block as a checkpoint, how many events are kept, number of retries. Returns 1, or 0 when the
-- session is lost. It runs for every event, so it goes without lib.lua, see BARE in connection.py.
local key, token, lease_ms, at, block, delivered, entry, checkpoint, max_kept, retries = unpack(ARGV)
if redis.call('HGET', key, 'token') ~= token then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', key, 'at', at, 'next', block, 'handed', delivered, 'doubts', retries, 'lease', now + lease_ms)
if entry == '' then return 1 end
local kept = key .. ':kept'
if redis.call('LINDEX', kept, -1) ~= entry then
  redis.call('RPUSH', kept, entry)
  redis.call('LTRIM', kept, -max_kept, -1)
end
redis.call('ZADD', key .. ':marks', block, checkpoint)
return 1
