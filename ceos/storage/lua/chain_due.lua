-- CHAIN_DUE: what goes on on chain and needs somebody now. ARGV: how many at most, milliseconds until somebody else is called.
-- Whoever is called says when it is due again; if it dies before that, another one is called.
local at = now()
local names = redis.call('ZRANGE', 'ceos:chain:due', '-inf', at, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, name in ipairs(names) do redis.call('ZADD', 'ceos:chain:due', 'XX', at + ARGV[2], name) end
return names
