-- TREND_KEEP: store the snapshot of a refresh. ARGV: token of the refresh, JSON, milliseconds until the next one.
-- Returns 1, or 0 when another worker has taken over. The next refresh is set only while an agent posts about trends.
local token, found, wait = unpack(ARGV)
local turn = redis.call('GET', 'ceos:trends:turn')
if turn ~= token then return redis.call('HGET', 'ceos:trends', 'by') == token and 1 or 0 end
redis.call('HSET', 'ceos:trends', 'found', found, 'by', token)
redis.call('DEL', 'ceos:trends:turn')
if redis.call('EXISTS', 'ceos:trends:agents') == 1 then redis.call('SET', 'ceos:trends:due', now() + wait) end
return 1
