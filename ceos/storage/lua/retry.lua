-- RETRY: release the run for now. Rest of ARGV: milliseconds until it is processed again, why, and the counts of attempts of
-- this stage, deliveries and deferrals; "" leaves a count as it is.
redis.call('HSET', key, 'why', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', key, 'tries', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', key, 'deliv', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', key, 'waits', ARGV[8]) end
redis.call('HDEL', key, 'token', 'lease')
redis.call('ZADD', 'ceos:open', 'XX', now() + ARGV[4], run)
-- A mention that waits, such as for the end of quiet hours, does not keep its agent busy.
if is_mention(run) and redis.call('HGET', 'ceos:agent:' .. agent, 'run') == run then
  redis.call('HSET', 'ceos:agent:' .. agent, 'run', '')
  if not is_held(redis.call('HGET', 'ceos:agent:' .. agent, 'state')) then enter(agent, 'sleeping', run, '') end
end
return 'ok'
