-- RETRY: let go of the run for now. Rest of ARGV: milliseconds until somebody should drive it again, why, and how many tries
-- of this stage, deliveries and waits there were so far; "" leaves a count as it is.
redis.call('HSET', key, 'why', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', key, 'tries', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', key, 'deliv', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', key, 'waits', ARGV[8]) end
redis.call('HDEL', key, 'token', 'lease')
redis.call('ZADD', 'ceos:open', 'XX', now() + ARGV[4], run)
return 'ok'
