-- MEASURE: the published runs that are due for a measurement. ARGV: how many at most, milliseconds to put each off.
local at = now()
local due = redis.call('ZRANGE', 'ceos:measure', '-inf', at, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, run in ipairs(due) do redis.call('ZADD', 'ceos:measure', 'XX', at + ARGV[2], run) end
return due
