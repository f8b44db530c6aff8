-- TX_OPEN: store a new transaction unless there is one with its key. ARGV: id, key, request (JSON), account, status (planned,
-- review), reason, maximum number of listed transactions.
-- Returns opened, or known. A transaction that ended without being executed is opened again; an executed one never is.
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
