-- SENDING: the write-ahead record of an action. Rest of ARGV: its index.
-- Refused once the action has its hash, and while the agent is paused, removed or all publishing is halted. Returns the
-- recorded time.
local part = ARGV[4]
if redis.call('HEXISTS', key, 'h' .. part) == 1 then return 'sent' end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state or is_held(state) and not is_retraction(run) or redis.call('EXISTS', 'ceos:panic') == 1 then return 'held' end
local at = now()
redis.call('HSETNX', key, 's' .. part, at)
redis.call('HSET', key, 'l' .. part, at)
renew()
return string.format('%d', at)
