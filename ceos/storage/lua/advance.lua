-- ADVANCE: move the run to its next stage, or park it for review. Rest of ARGV: status, draft JSON or "", review expiry ms or "",
-- number of parts: the other places that the run holds in the agent's hour are given back.
-- `open` returns it after one lease unless a worker has taken it: the message that follows is only a hint.
local status, draft, review_ms = ARGV[4], ARGV[5], ARGV[6]
if draft ~= '' then redis.call('SET', 'ceos:draft:' .. run, draft) end
give_back_places(agent, run, tonumber(ARGV[7]))
redis.call('HSET', key, 'st', status)
redis.call('HDEL', key, 'token', 'lease', 'tries', 'deliv', 'waits', 'why')
if status == 'review' then
  redis.call('ZADD', 'ceos:review', 'NX', now() + review_ms, run)
  release_agent(agent, run)
else
  redis.call('ZADD', 'ceos:open', 'XX', now() + lease_ms, run)
end
return 'ok'
