-- RECEIVE_MENTION: open the run of a cast that concerns the agent, once however often it is reported. ARGV: agent, run, cast
-- hash, time of the cast, token of this call, mention JSON, present time, milliseconds that hashes are kept, limit of hashes,
-- limit of waiting mentions, keep seconds, reason why it is ignored or "".
-- Returns opened, ignored (it is recorded), known, old, off (the engagement is off) or missing.
local agent, run, hash, at, token, mention, present, memory, most, room, keep, why = unpack(ARGV)
local key, cursor, seen = 'ceos:agent:' .. agent, 'ceos:ear:' .. agent, 'ceos:seen:' .. agent
local run_key = 'ceos:run:' .. run
at = tonumber(at)
local state, listens = unpack(redis.call('HMGET', key, 'state', 'listen'))
if not state then return 'missing' end
if not listens then return 'off' end
if redis.call('HGET', run_key, 'by') == token then
  return redis.call('HGET', run_key, 'st') == 'ignored' and 'ignored' or 'opened'
end
if redis.call('ZSCORE', seen, hash) then return 'known' end
-- Hashes are kept down to `floor`, and casts up to `floor` are old, so no cast can be received twice.
local floor = math.max(tonumber(redis.call('HGET', cursor, 'floor') or '0'), present - memory)
if at <= floor then return 'old' end
redis.call('ZADD', seen, at, hash)
redis.call('ZREMRANGEBYSCORE', seen, '-inf', floor)
local over = redis.call('ZCARD', seen) - most
if over > 0 then
  local gone = redis.call('ZPOPMIN', seen, over)
  redis.call('HSET', cursor, 'floor', gone[#gone])
end
if redis.call('HSETNX', run_key, 'st', 'planned') == 0 then return 'known' end
redis.call('HSET', run_key, 'at', now(), 'by', token)
redis.call('SET', 'ceos:mention:' .. run, mention)
redis.call('ZADD', 'ceos:mentions:' .. agent, now(), run)
redis.call('ZREMRANGEBYRANK', 'ceos:mentions:' .. agent, 0, -201)
count_mention('opened')
if redis.call('ZCARD', 'ceos:inbox:' .. agent) >= tonumber(room) then why = 'too many mentions were waiting' end
if why ~= '' then
  end_run(run, 'ignored', why, keep, 0)
  return 'ignored'
end
redis.call('ZADD', 'ceos:inbox:' .. agent, at, run)
next_mention(agent)
return 'opened'
