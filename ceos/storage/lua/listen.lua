-- LISTEN: the agents that should look at their mentions now. ARGV: how many at most, milliseconds between two looks.
-- Each is put off until its own moment in the next interval: agents are spread over it by `listen`, 32 bits of a hash of their
-- id, so that a fleet does not look in one second. Score 0 is an agent that has just begun to listen; it waits for its moment.
-- One that is held is passed over, and looks from where it stopped once it goes on.
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
