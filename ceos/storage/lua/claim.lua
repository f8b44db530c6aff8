-- CLAIM: the right to react to a cast of another account, within the agent's limits. ARGV: agent, run, cast hash, fid of its author,
-- first cast of its thread, UTC day, present ms, reaction (answer, like or recast), limit of reactions of this kind a day or "",
-- limit of answers per person and hour, limit of answers per thread, seconds that a claim is kept, 1 to claim nothing.
-- All or nothing. A run that holds the claim may claim again, because everything is counted by run.
-- Returns {'ok'}, or {'claimed', the agent that holds it}, {'day'}, {'person'} or {'thread'}.
local agent, run, hash, fid, thread, day, at, reaction, daily, hourly, deep, keep, only_asks = unpack(ARGV)
local claim = 'ceos:claim:' .. hash
local holder = redis.call('GET', claim)
if holder and holder ~= run then return {'claimed', agent_of(holder)} end

if reaction == 'answer' then
  local person, place = 'ceos:person:' .. agent .. ':' .. fid, 'ceos:thread:' .. agent .. ':' .. thread
  redis.call('ZREMRANGEBYSCORE', person, '-inf', at - 3600000)
  local is_known = redis.call('ZSCORE', person, run)
  if not is_known and redis.call('ZCARD', person) >= tonumber(hourly) then return {'person'} end
  is_known = redis.call('SISMEMBER', place, run) == 1
  if not is_known and redis.call('SCARD', place) >= tonumber(deep) then return {'thread'} end
  if only_asks == '1' then return {'ok'} end
  redis.call('ZADD', person, 'NX', at, run)
  redis.call('PEXPIRE', person, 3600000)
  redis.call('SADD', place, run)
  redis.call('EXPIRE', place, keep)
else
  local counted = 'ceos:reacted:' .. agent .. ':' .. day .. ':' .. reaction
  local is_known = redis.call('SISMEMBER', counted, run) == 1
  if not is_known and redis.call('SCARD', counted) >= tonumber(daily) then return {'day'} end
  if only_asks == '1' then return {'ok'} end
  redis.call('SADD', counted, run)
  redis.call('EXPIRE', counted, 3 * 86400)
end
redis.call('SET', claim, run, 'EX', keep)
return {'ok'}
