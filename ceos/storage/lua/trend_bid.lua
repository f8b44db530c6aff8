-- TREND_BID: store the bid of an agent for trends. ARGV: agent, JSON or "" for none, seconds to keep.
-- Returns the agents and their bids in turn once no other agent is waited for, else nothing.
local agent, bid, keep = unpack(ARGV)
if bid ~= '' then
  redis.call('HSET', 'ceos:trends:bids', agent, bid)
  redis.call('EXPIRE', 'ceos:trends:bids', keep)
end
redis.call('SREM', 'ceos:trends:asking', agent)
if redis.call('EXISTS', 'ceos:trends:asking') == 1 then return {} end
return redis.call('HGETALL', 'ceos:trends:bids')
