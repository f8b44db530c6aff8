-- TREND_DUE: claim the next look at what many talk about. ARGV: milliseconds until it is called again in case nobody does it.
-- Returns 1 to the one who claims it, else 0. Who does it sets the time of the next one, see trend_keep.
local due = redis.call('GET', 'ceos:trends:due')
local at = now()
if not due or tonumber(due) > at then return 0 end
redis.call('SET', 'ceos:trends:due', at + ARGV[1])
return 1
