-- TREND_KEEP: store what a look has found. ARGV: token of its turn, JSON, milliseconds until the next look.
-- Returns 1, or 0 when somebody else's turn has come. The next look is noted only while some agent cares.
local token, found, wait = unpack(ARGV)
local turn = redis.call('GET', 'ceos:trends:turn')
if turn ~= token then return redis.call('HGET', 'ceos:trends', 'by') == token and 1 or 0 end
redis.call('HSET', 'ceos:trends', 'found', found, 'by', token)
redis.call('DEL', 'ceos:trends:turn')
if redis.call('EXISTS', 'ceos:trends:agents') == 1 then redis.call('SET', 'ceos:trends:due', now() + wait) end
return 1
