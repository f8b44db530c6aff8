-- FINISH: end a leased run. Rest of ARGV: status, reason, draft JSON that stays, keep seconds, failures allowed,
-- milliseconds until the first measurement, keep seconds of the metrics, then one JSON record for each newly published cast.
local status, reason, draft, keep, failures, measure_ms, keep_metrics = unpack(ARGV, 4, 10)
if is_final(redis.call('HGET', key, 'st')) then return 'ok' end
if draft ~= '' then redis.call('SET', 'ceos:draft:' .. run, draft) end
if redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 1 and #ARGV > 10 then
  for i = 11, #ARGV do
    -- A thread that was resumed names its first casts twice.
    if redis.call('HSETNX', 'ceos:metrics:' .. run, cjson.decode(ARGV[i]).hash, '') == 1 then
      redis.call('LPUSH', 'ceos:recent:' .. agent, ARGV[i])
    end
  end
  redis.call('LTRIM', 'ceos:recent:' .. agent, 0, HISTORY - 1)
  redis.call('EXPIRE', 'ceos:metrics:' .. run, keep_metrics)
  redis.call('ZADD', 'ceos:measure', now() + measure_ms, run)
end
-- Keep the reply for the next reply to the same person.
local parent = status == 'published' and draft ~= '' and cjson.decode(draft).parent
if type(parent) == 'table' and #ARGV > 10 then
  local said = 'ceos:said:' .. agent .. ':' .. string.format('%d', parent.fid)
  redis.call('LPUSH', said, cjson.decode(ARGV[11]).text)
  redis.call('LTRIM', said, 0, 4)
  redis.call('EXPIRE', said, 90 * 86400)
end
end_run(run, status, reason, keep, failures)
return 'ok'
