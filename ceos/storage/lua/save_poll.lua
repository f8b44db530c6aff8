-- SAVE_POLL: store the result of a poll for mentions. ARGV: agent, number of the poll, watermark, next watermark, page cursor,
-- 1 if it started again or "", reason of a failure or "", milliseconds until the next poll or "" for the regular time.
-- The number is compared and set, so that one of two concurrent polls moves the watermark. Returns the failures in a row,
-- negative when they have just ended, or 'outdated'.
local agent, number, watermark, top, cursor, restarted, why, soon = unpack(ARGV)
local key = 'ceos:ear:' .. agent
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'listen') == 0 then return 'outdated' end
if (redis.call('HGET', key, 'looks') or '0') ~= number then return 'outdated' end
local failures = tonumber(redis.call('HGET', key, 'failures') or '0')
redis.call('HINCRBY', key, 'looks', 1)
if why ~= '' then
  redis.call('HSET', key, 'why', why)
  failures = redis.call('HINCRBY', key, 'failures', 1)
else
  redis.call('HSET', key, 'mark', watermark, 'top', top, 'cursor', cursor, 'again', restarted, 'at', now())
  redis.call('HDEL', key, 'failures', 'why')
  failures = -failures
end
if soon ~= '' then redis.call('ZADD', 'ceos:listen', 'XX', now() + soon, agent) end
return failures
