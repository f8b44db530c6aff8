-- BEGIN: lease the run for one stage. ARGV: run, stage, token, lease ms, deliveries allowed, failures allowed, keep seconds.
-- Returns {'go', fence, revision of the agent, draft or false, fields of the run…} or {reason, …}. A repeated token gets the same fence.
local run, stage, token, lease_ms, deliveries, failures, keep = unpack(ARGV)
local key = 'ceos:run:' .. run
local agent = agent_of(run)
local state_key = 'ceos:agent:' .. agent
local at = now()
local status, holder, lease = unpack(redis.call('HMGET', key, 'st', 'token', 'lease'))
if not status then
  redis.call('ZREM', 'ceos:open', run)
  return {'missing'}
end
if is_final(status) then
  redis.call('ZREM', 'ceos:open', run)
  return {'ended', status}
end
if stage_of(status) ~= stage then return {'elsewhere', status} end
local lost = redis.call('HEXISTS', key, 'h0') == 1 and 'partial' or 'failed'
local is_again = holder == token and tonumber(lease or '0') > at
if not is_again then
  if tonumber(lease or '0') > at then return {'busy', lease} end
  local state, owner = unpack(redis.call('HMGET', state_key, 'state', 'run'))
  if not state then
    end_run(run, lost, 'the agent was removed', keep, failures)
    return {'ended', lost}
  end
  local needs_turn = not is_retraction(run)
  if needs_turn and is_held(state) or redis.call('EXISTS', 'ceos:panic') == 1 then
    redis.call('ZADD', 'ceos:open', 'XX', at + HOLD_MS, run)
    return {'held', state}
  end
  local first = needs_turn and first_in_line(agent, owner)
  if first and first ~= run then
    redis.call('ZADD', 'ceos:open', 'XX', at + lease_ms, run)
    -- A mention yields to a post that waited for it and that no other script would dispatch now.
    if first ~= owner then redis.call('ZADD', 'ceos:open', 'XX', 'LT', at, first) end
    return {'waiting', first}
  end
  if redis.call('HINCRBY', key, 'deliv', 1) > tonumber(deliveries) then
    -- The last worker may only be asleep; a new fence keeps it from continuing a run that has ended.
    redis.call('HINCRBY', key, 'fence', 1)
    end_run(run, lost, 'given up after ' .. deliveries .. ' deliveries; it seems to crash its workers', keep, failures)
    return {'ended', lost}
  end
  if needs_turn and not enter(agent, stage == 'publish' and 'publishing' or 'generating', run, '') then return {'illegal', state} end
  redis.call('HINCRBY', key, 'fence', 1)
  redis.call('HSET', key, 'token', token, 'lease', at + lease_ms)
  redis.call('HDEL', key, 'd')
  if stage == 'publish' then redis.call('HSET', key, 'st', 'publishing') end
  if needs_turn then redis.call('HSET', state_key, 'run', run) end
  redis.call('ZADD', 'ceos:open', 'XX', at + lease_ms, run)
end
return {
  'go', redis.call('HGET', key, 'fence'), redis.call('HGET', state_key, 'rev'),
  redis.call('GET', 'ceos:draft:' .. run), unpack(redis.call('HGETALL', key))
}
