-- PAYMENT_OPEN: set money aside for a purchase and store what is to be signed, both or neither. ARGV: purchase, UTC day,
-- agent, micro-USD, most micro-USD of the day, most of the agent in it (or ''), plan JSON, key, seconds to keep, how many
-- are listed. Returns {opened, what the day has cost with it}, {known, 0} for one that is there, or {rule, spent so far}.
local id, day, agent, micro, most, most_own, plan, name, keep, listed = unpack(ARGV)
local key, spent = 'ceos:' .. id, 'ceos:pay-spent:' .. day
if redis.call('EXISTS', key) == 1 then return {'known', 0} end
local total = tonumber(redis.call('HGET', spent, 'total') or '0')
local own = tonumber(redis.call('HGET', spent, 'a:' .. agent) or '0')
if total + micro > tonumber(most) then return {'x402-per-day', total} end
if most_own ~= '' and own + micro > tonumber(most_own) then return {'x402-per-agent', own} end
redis.call('HINCRBY', spent, 'total', micro)
redis.call('HINCRBY', spent, 'a:' .. agent, micro)
redis.call('EXPIRE', spent, 3 * 86400)
redis.call('HSET', key, 'st', 'reserved', 'at', now(), 'day', day, 'agent', agent, 'micro', micro, 'plan', plan, 'key', name)
redis.call('EXPIRE', key, keep)
redis.call('ZADD', 'ceos:pays', now(), id)
redis.call('ZREMRANGEBYRANK', 'ceos:pays', 0, -1 - listed)
return {'opened', total + micro}
