-- PACE: ask for a place among the requests of the last minute. ARGV: service, token of the request, limit in a minute,
-- limit in a second, milliseconds that count as a minute, as a second.
-- Returns 0 when the request may be sent now, or the milliseconds until it may ask again.
local service, token, per_minute, per_second, minute, second = unpack(ARGV)
local key, at = 'ceos:pace:' .. service, now()
if redis.call('ZSCORE', key, token) then return 0 end
redis.call('ZREMRANGEBYSCORE', key, '-inf', at - minute)

-- The request may be sent once fewer than `limit` requests are younger than the window.
local function wait_for(limit, window)
  local oldest = redis.call('ZRANGE', key, -limit, -limit, 'WITHSCORES')[2]
  return oldest and oldest + window - at + 1 or 0
end
local wait = math.max(0, wait_for(per_minute, minute), wait_for(per_second, second))
if wait > 0 then return wait end
redis.call('ZADD', key, at, token)
redis.call('PEXPIRE', key, minute)
return 0
