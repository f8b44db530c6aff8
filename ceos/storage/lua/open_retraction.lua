-- OPEN_RETRACTION: open the run that takes casts or reactions back. ARGV: agent, slot, JSON Retraction, keep seconds.
-- It does not wait in the agent's queue: an unwanted cast is deleted at once, also while the agent is paused.
local agent, slot, retraction, keep = unpack(ARGV)
local run = run_of(agent, slot)
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 0 then return 'missing' end
if redis.call('HSETNX', 'ceos:run:' .. run, 'st', 'illustrated') == 0 then return 'exists' end
local at = now()
redis.call('HSET', 'ceos:run:' .. run, 'at', at)
redis.call('SET', 'ceos:retraction:' .. run, retraction, 'EX', keep)
redis.call('ZADD', 'ceos:open', at, run)
redis.call('ZADD', 'ceos:runs:' .. agent, at, run)
redis.call('ZREMRANGEBYRANK', 'ceos:runs:' .. agent, 0, -201)
return 'opened'
