-- EVENT_KEEP: store the progress of a subscription. ARGV: its key, token, lease ms (0 releases the session), the block below
-- which no re-org is expected or "", the block above which checkpoints are deleted or "", then fields and values.
-- Returns 1, or 0 when the session is lost.
local key, token, lease_ms, floor, above = unpack(ARGV, 1, 5)
if redis.call('HGET', key, 'token') ~= token then return 0 end
local marks, kept = key .. ':marks', key .. ':kept'
if above ~= '' then redis.call('ZREMRANGEBYSCORE', marks, '(' .. above, '+inf') end
for index = 6, #ARGV, 2 do
  redis.call('HSET', key, ARGV[index], ARGV[index + 1])
  if ARGV[index] == 'end' then redis.call('ZADD', marks, string.match(ARGV[index + 1], '^-?%d+'), ARGV[index + 1]) end
end
if floor ~= '' then
  -- One checkpoint below the floor stays: the search for the point where two chains part ends there.
  local last = redis.call('ZRANGE', marks, floor, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1)[1]
  if last then redis.call('ZREMRANGEBYSCORE', marks, '-inf', '(' .. redis.call('ZSCORE', marks, last)) end
  for _ = 1, 10000 do
    local oldest = redis.call('LINDEX', kept, 0)
    if not oldest or tonumber(string.match(oldest, '^%d+')) >= tonumber(floor) then break end
    redis.call('LPOP', kept)
  end
end
if lease_ms == '0' then redis.call('HDEL', key, 'token', 'lease') else redis.call('HSET', key, 'lease', now() + lease_ms) end
return 1
