-- RESERVE: reserve money before a call. ARGV: agent, UTC day, name of the reservation, micro-USD, limit in micro-USD.
-- `total` is the sum of what is spent and reserved; each reservation is a field `r:name`, which grows when more is asked
-- for under its name. Returns {1, total} or {0, total}.
local agent, day, name, amount, limit = unpack(ARGV)
local key = 'ceos:spend:' .. agent .. ':' .. day
local total = tonumber(redis.call('HGET', key, 'total') or '0')
local more = tonumber(amount) - tonumber(redis.call('HGET', key, 'r:' .. name) or '0')
if redis.call('HEXISTS', key, 'r:' .. name) == 1 and more <= 0 then return {1, total} end
if total + more > tonumber(limit) then return {0, total} end
redis.call('HSET', key, 'r:' .. name, amount)
total = redis.call('HINCRBY', key, 'total', more)
redis.call('EXPIRE', key, 3 * 86400)
return {1, total}
