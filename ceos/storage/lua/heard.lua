-- HEARD: note how a look at an agent's mentions went. ARGV: agent, number of the look, mark, top, cursor, 1 if it began again or
-- "", why it failed or "", milliseconds until the next look or "" for the usual moment.
-- The number is compared and set: of two looks at once, one moves the mark. Returns the failures in a row, with a minus
-- sign when they have just ended, or 'outdated'.
local agent, number, mark, top, cursor, again, why, soon = unpack(ARGV)
local key = 'ceos:ear:' .. agent
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'listen') == 0 then return 'outdated' end
if (redis.call('HGET', key, 'looks') or '0') ~= number then return 'outdated' end
local failures = tonumber(redis.call('HGET', key, 'failures') or '0')
redis.call('HINCRBY', key, 'looks', 1)
if why ~= '' then
  redis.call('HSET', key, 'why', why)
  failures = redis.call('HINCRBY', key, 'failures', 1)
else
  redis.call('HSET', key, 'mark', mark, 'top', top, 'cursor', cursor, 'again', again, 'at', now())
  redis.call('HDEL', key, 'failures', 'why')
  failures = -failures
end
if soon ~= '' then redis.call('ZADD', 'ceos:listen', 'XX', now() + soon, agent) end
return failures
