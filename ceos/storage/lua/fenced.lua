-- Precedes every script that writes to a leased run. ARGV begins: run, fence, lease ms. Returns 'stale' for an old fence.
local run, fence, lease_ms = ARGV[1], ARGV[2], ARGV[3]
local key = 'ceos:run:' .. run
local agent = agent_of(run)
if redis.call('HGET', key, 'fence') ~= fence then return 'stale' end

local function renew()
  local lease = now() + lease_ms
  redis.call('HSET', key, 'lease', lease)
  redis.call('ZADD', 'ceos:open', 'XX', lease, run)
end
