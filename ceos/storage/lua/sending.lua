-- SENDING: the write-ahead before a part leaves. Rest of ARGV: part.
-- Refused once the part has its hash, and while the agent is paused or removed. Returns the moment that was noted.
local part = ARGV[4]
if redis.call('HEXISTS', key, 'h' .. part) == 1 then return 'sent' end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state or is_held(state) or redis.call('EXISTS', 'ceos:panic') == 1 then return 'held' end
local at = now()
redis.call('HSETNX', key, 's' .. part, at)
redis.call('HSET', key, 'l' .. part, at)
renew()
return string.format('%d', at)
