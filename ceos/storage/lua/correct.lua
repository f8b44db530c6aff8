-- CORRECT: replace stored numbers of an agent once. ARGV: agent, name of the correction, JSON list of {key, field, old, new}.
-- Returns done when the correction was made before or the agent is gone, changed when a field no longer holds its old value
-- (nothing is replaced then), else ok.
local agent, name, changes = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local marks = 'ceos:series:' .. agent
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 0 or redis.call('HEXISTS', marks, name) == 1 then
  return 'done'
end
for _, change in ipairs(changes) do
  if redis.call('HGET', change[1], change[2]) ~= change[3] then return 'changed' end
end
for _, change in ipairs(changes) do redis.call('HSET', change[1], change[2], change[4]) end
redis.call('HSET', marks, name, 1)
return 'ok'
