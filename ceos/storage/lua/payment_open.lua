-- PAYMENT_OPEN: reserve money for a purchase and store its plan, in one step. ARGV: purchase, UTC day, agent, micro-USD,
-- limit of the day, limit of the agent (or ''), plan JSON, key, seconds to keep, how many purchases are listed. Returns
-- {opened, total of the day}, {known, 0} for a purchase that exists, or {rule, spent so far}.
local id, day, agent, micro, max_total, max_agent, plan, name, keep, listed = unpack(ARGV)
local key, spent = 'ceos:' .. id, 'ceos:pay-spent:' .. day
if redis.call('EXISTS', key) == 1 then return {'known', 0} end
local total = tonumber(redis.call('HGET', spent, 'total') or '0')
local own = tonumber(redis.call('HGET', spent, 'a:' .. agent) or '0')
if total + micro > tonumber(max_total) then return {'x402-per-day', total} end
if max_agent ~= '' and own + micro > tonumber(max_agent) then return {'x402-per-agent', own} end
redis.call('HINCRBY', spent, 'total', micro)
redis.call('HINCRBY', spent, 'a:' .. agent, micro)
redis.call('EXPIRE', spent, 3 * 86400)
redis.call('HSET', key, 'st', 'reserved', 'at', now(), 'day', day, 'agent', agent, 'micro', micro, 'plan', plan, 'key', name)
redis.call('EXPIRE', key, keep)
redis.call('ZADD', 'ceos:pays', now(), id)
redis.call('ZREMRANGEBYRANK', 'ceos:pays', 0, -1 - listed)
return {'opened', total + micro}
