-- RETRY: let go of the run for now. Rest of ARGV: milliseconds until somebody should drive it again, why, tries of this stage
-- or "" to leave them, deliveries so far or "" to leave them.
redis.call('HSET', key, 'why', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', key, 'tries', ARGV[6]) end
if ARGV[7] ~= '' then redis.call('HSET', key, 'deliv', ARGV[7]) end
redis.call('HDEL', key, 'token', 'lease')
redis.call('ZADD', 'ceos:open', 'XX', now() + ARGV[4], run)
return 'ok'
