-- STEER: pause, resume or remove an agent. ARGV: agent, verb, reason, next slot or "", fire ms.
-- Returns 'ok', 'unchanged', 'missing', or the state that forbids it.
local agent, verb, reason, slot, fire = unpack(ARGV)
local key = 'ceos:agent:' .. agent
local state = redis.call('HGET', key, 'state')
if not state then return 'missing' end
if verb == 'pause' then
  if state == 'paused' then return 'unchanged' end
  move(agent, 'paused', '', reason)
  redis.call('HSET', key, 'reason', reason)
  redis.call('ZREM', 'ceos:due', agent)
  redis.call('ZREM', 'ceos:listen', agent)
elseif verb == 'resume' then
  if not is_held(state) then return 'unchanged' end
  move(agent, 'idle', '', 'resumed')
  redis.call('HSET', key, 'failures', 0, 'reason', '')
  if slot ~= '' then
    redis.call('HSET', key, 'slot', slot)
    redis.call('ZADD', 'ceos:due', fire, agent)
  end
  if redis.call('HEXISTS', key, 'listen') == 1 then redis.call('ZADD', 'ceos:listen', 'NX', 0, agent) end
  for _, run in ipairs(redis.call('ZRANGE', 'ceos:queue:' .. agent, 0, -1)) do
    redis.call('ZADD', 'ceos:open', 'XX', now(), run)
  end
elseif verb == 'remove' then
  -- Open runs end at their next step, which finds no agent; a part that is being sent is still recorded.
  for _, run in ipairs(redis.call('ZRANGE', 'ceos:queue:' .. agent, 0, -1)) do
    redis.call('ZADD', 'ceos:open', 'XX', now(), run)
  end
  redis.call('ZREM', 'ceos:due', agent)
  redis.call('ZREM', 'ceos:listen', agent)
  redis.call('SREM', 'ceos:agents', agent)
  follow_trends(agent, false)
  redis.call('SREM', 'ceos:fid:' .. (redis.call('HGET', key, 'fid') or ''), agent)
  local inbox = redis.call('ZRANGE', 'ceos:inbox:' .. agent, 0, -1)
  redis.call('DEL', key, 'ceos:config:' .. agent, 'ceos:history:' .. agent, 'ceos:missed:' .. agent, 'ceos:recent:' .. agent,
    'ceos:memory:' .. agent, 'ceos:skills:' .. agent, 'ceos:ear:' .. agent, 'ceos:seen:' .. agent, 'ceos:inbox:' .. agent,
    'ceos:mentions:' .. agent, 'ceos:trends:taken:' .. agent, 'ceos:trends:judged:' .. agent,
    'ceos:series:' .. agent, 'ceos:posts:' .. agent, 'ceos:tally:' .. agent, 'ceos:scores:' .. agent)
  for _, run in ipairs(inbox) do end_run(run, 'ignored', 'the agent was removed', DAYS_2, 0) end
end
return 'ok'
