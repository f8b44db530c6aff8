-- DUE_POLLS: the agents that have to poll for mentions now. ARGV: limit, milliseconds between two polls of an agent.
-- The next poll of each is set to its own time in the next interval: `listen`, 32 bits of a hash of the id, spreads the agents
-- over the interval. Score 0 is an agent whose engagement has just been switched on; it waits for its first time.
-- A paused agent, or one in error, is skipped, and continues at its cursor when it is resumed.
local most, interval = ARGV[1], tonumber(ARGV[2])
local at, calls = now(), {}
for _, agent in ipairs(redis.call('ZRANGE', 'ceos:listen', '-inf', at, 'BYSCORE', 'LIMIT', 0, most)) do
  local state, listens = unpack(redis.call('HMGET', 'ceos:agent:' .. agent, 'state', 'listen'))
  if not listens then
    redis.call('ZREM', 'ceos:listen', agent)
  else
    if tonumber(redis.call('ZSCORE', 'ceos:listen', agent)) > 0 and not is_held(state) then calls[#calls + 1] = agent end
    local offset = math.floor(listens / 4294967296 * interval)
    redis.call('ZADD', 'ceos:listen', 'XX', at - (at - offset) % interval + interval, agent)
  end
end
return calls
