-- REMEMBER: keep a value in a skill's memory, or forget it. ARGV: agent, skill, key, JSON or "" to forget, most bytes.
-- Field `skill` counts the bytes of all its keys and values. Only what makes the memory grow beyond the most is refused,
-- so that a narrowed grant does not keep a skill from tidying up. Returns 1, 0 when it does not fit, -1 without the agent.
local agent, skill, name, value, most = unpack(ARGV)
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 0 then return -1 end
local key, field = 'ceos:memory:' .. agent, skill .. '\31' .. name
local before = tonumber(redis.call('HGET', key, skill) or '0')
local held = redis.call('HSTRLEN', key, field)
local after = before
if held > 0 then after = after - #name - held end
if value ~= '' then after = after + #name + #value end
if after > before and after > tonumber(most) then return 0 end
if value ~= '' then
  redis.call('HSET', key, field, value, skill, after)
else
  redis.call('HDEL', key, field)
  if after > 0 then redis.call('HSET', key, skill, after) else redis.call('HDEL', key, skill) end
end
return 1
