-- MEASURE: claim published runs whose measurement is due. ARGV: limit, milliseconds until each is due again.
local at = now()
local due = redis.call('ZRANGE', 'ceos:measure', '-inf', at, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, run in ipairs(due) do redis.call('ZADD', 'ceos:measure', 'XX', at + ARGV[2], run) end
return due
