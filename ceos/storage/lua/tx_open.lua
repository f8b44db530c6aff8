-- TX_OPEN: store a transaction that somebody wants sent, unless there is one under its key. ARGV: id, key, request (JSON),
-- account, status (planned, review), reason, how many of the last are listed.
-- Returns opened, or known. One that has ended without being carried out is opened again; one that was carried out never is.
local id, key, request, account, status, reason, listed = unpack(ARGV)
local record, at = 'ceos:' .. id, now()
local old = redis.call('HGET', record, 'st')
if old then
  local is_again = redis.call('HGET', record, 'req') == request
    and (old == 'failed' or old == 'reverted' or old == 'rejected' or old == 'expired')
  if not is_again then return 'known' end
  redis.call('DEL', record)
end
redis.call('HSET', record, 'key', key, 'req', request, 'account', account, 'st', status, 'why', reason, 'at', at, 'n', 0)
redis.call('ZADD', 'ceos:chain:due', 0, id)
redis.call('ZADD', 'ceos:txs', at, id)
redis.call('ZREMRANGEBYRANK', 'ceos:txs', 0, -1 - listed)
return 'opened'
