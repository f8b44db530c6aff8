-- CHAIN_DUE: return due tasks of the chain and put each off. ARGV: how many at most, milliseconds until a task is due again.
-- The worker that handles a task sets its next time; the delay here takes effect when that worker dies.
local at = now()
local names = redis.call('ZRANGE', 'ceos:chain:due', '-inf', at, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, name in ipairs(names) do redis.call('ZADD', 'ceos:chain:due', 'XX', at + ARGV[2], name) end
return names
