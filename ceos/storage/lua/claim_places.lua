-- CLAIM_PLACES: claim places in the agent's hour, all or none. ARGV: agent, now ms, window ms, limit, then one name for each
-- cast. A name that has a place keeps it, from now on, also in an hour that is full for others. Returns -1, or the time at
-- which enough places are free.
local agent, at, window, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local key = 'ceos:casts:' .. agent
redis.call('ZREMRANGEBYSCORE', key, '-inf', at - window)
local wanted = 0
for i = 5, #ARGV do
  if not redis.call('ZSCORE', key, ARGV[i]) then wanted = wanted + 1 end
end
local over = redis.call('ZCARD', key) + wanted - limit
if wanted > 0 and over > 0 then
  local last = redis.call('ZRANGE', key, over - 1, over - 1, 'WITHSCORES')[2]
  return last and (tonumber(last) + window) or 0
end
for i = 5, #ARGV do redis.call('ZADD', key, at, ARGV[i]) end
redis.call('PEXPIRE', key, window)
return -1
