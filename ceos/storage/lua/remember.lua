-- REMEMBER: store a note of a skill, or delete it. ARGV: agent, skill, key, JSON or "" to delete, limit in bytes.
-- Field `skill` counts the bytes of all its keys and values. Only a growth beyond the limit is refused, so that a skill can
-- still shrink its notes after its grant was narrowed. Returns 1, 0 when the note does not fit, -1 without the agent.
local agent, skill, name, value, limit = unpack(ARGV)
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 0 then return -1 end
local key, field = 'ceos:memory:' .. agent, skill .. '\31' .. name
local before = tonumber(redis.call('HGET', key, skill) or '0')
local held = redis.call('HSTRLEN', key, field)
local after = before
if held > 0 then after = after - #name - held end
if value ~= '' then after = after + #name + #value end
if after > before and after > tonumber(limit) then return 0 end
if value ~= '' then
  redis.call('HSET', key, field, value, skill, after)
else
  redis.call('HDEL', key, field)
  if after > 0 then redis.call('HSET', key, skill, after) else redis.call('HDEL', key, skill) end
end
return 1
