-- DECIDE: an operator's decision about a parked or a dead run. ARGV: run, verb, text, keep seconds, failures allowed.
-- approve, edit (text = draft JSON), reject (text = reason), expire: a parked draft. retry, drop: a dead run.
local run, verb, text, keep, failures = unpack(ARGV)
local key = 'ceos:run:' .. run
local agent = agent_of(run)
local status = redis.call('HGET', key, 'st')
if not status then return 'missing' end

local function reopen(next_status)
  redis.call('HSET', key, 'st', next_status)
  redis.call('HDEL', key, 'why', 'end', 'tries', 'deliv', 'waits')
  redis.call('PERSIST', key)
  redis.call('PERSIST', 'ceos:draft:' .. run)
  redis.call('PERSIST', 'ceos:mention:' .. run)
  redis.call('ZREM', 'ceos:review', run)
  redis.call('ZREM', 'ceos:dead', run)
  redis.call('ZADD', 'ceos:open', now(), run)
  if not is_retraction(run) then redis.call('ZADD', 'ceos:queue:' .. agent, now(), run) end
end

if verb == 'retry' or verb == 'drop' then
  if status ~= 'failed' and status ~= 'partial' then return status end
  if verb == 'drop' then
    redis.call('ZREM', 'ceos:dead', run)
    return 'ok'
  end
  if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 0 then return 'removed' end
  if redis.call('HEXISTS', key, 'wrong') == 1 then return 'wrong' end
  for part = 0, 9 do
    if redis.call('HEXISTS', key, 'h' .. part) == 0 then redis.call('HDEL', key, 'a' .. part) end
  end
  redis.call('HSET', key, 'again', 1)
  if is_mention(run) then count_mention('opened') end
  tally(agent, slot_of(run), 'failed', -1)
  reopen(redis.call('HGET', key, 'was'))
  return 'ok'
end
if status ~= 'review' then return status end
if verb == 'approve' then
  if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 0 then return 'removed' end
  reopen('approved')
elseif verb == 'edit' then
  redis.call('SET', 'ceos:draft:' .. run, text)
elseif verb == 'reject' then
  end_run(run, 'rejected', text, keep, failures)
elseif verb == 'expire' then
  end_run(run, 'expired', text, keep, failures)
end
return 'ok'
