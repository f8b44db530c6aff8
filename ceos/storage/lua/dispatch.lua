-- DISPATCH: the runs that no worker processes, with their stages. ARGV: how many at most, milliseconds until the next call.
-- A run that no worker takes is returned again after twice the time, then after four times, so that a long queue is not
-- filled with repeats.
local at = now()
local calls = {}
for _, run in ipairs(redis.call('ZRANGE', 'ceos:open', '-inf', at, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  local key = 'ceos:run:' .. run
  local stage = stage_of(redis.call('HGET', key, 'st') or '')
  if stage then
    local calls_before = math.min(redis.call('HINCRBY', key, 'd', 1) - 1, 2)
    redis.call('ZADD', 'ceos:open', 'XX', at + ARGV[2] * 2 ^ calls_before, run)
    calls[#calls + 1] = {run, stage}
  else
    redis.call('ZREM', 'ceos:open', run)
  end
end
return calls
