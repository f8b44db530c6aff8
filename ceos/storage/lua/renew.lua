-- RENEW: extend the leases of runs in progress. ARGV: lease ms, then run, fence, … Returns the runs whose lease was lost.
local lost = {}
for i = 2, #ARGV, 2 do
  local key = 'ceos:run:' .. ARGV[i]
  local fence, token = unpack(redis.call('HMGET', key, 'fence', 'token'))
  if fence == ARGV[i + 1] and token then
    local lease = now() + ARGV[1]
    redis.call('HSET', key, 'lease', lease)
    redis.call('ZADD', 'ceos:open', 'XX', lease, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
