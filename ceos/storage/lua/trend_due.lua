-- TREND_DUE: claim the next refresh of trends. ARGV: milliseconds until it is due again if it is not finished.
-- Returns 1 if the caller has it, else 0. A finished refresh sets the time of the next one, see trend_keep.
local due = redis.call('GET', 'ceos:trends:due')
local at = now()
if not due or tonumber(due) > at then return 0 end
redis.call('SET', 'ceos:trends:due', at + ARGV[1])
return 1
