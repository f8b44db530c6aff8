-- EVENT_KEEP: note how far a subscription has come. ARGV: its key, token, lease ms (0 hands the turn back), the block below
-- which no re-org is expected or "", the block above which marks are void or "", then fields and values.
-- Returns 1, or 0 when somebody else has taken over.
local key, token, lease_ms, floor, above = unpack(ARGV, 1, 5)
if redis.call('HGET', key, 'token') ~= token then return 0 end
local marks, kept = key .. ':marks', key .. ':kept'
if above ~= '' then redis.call('ZREMRANGEBYSCORE', marks, '(' .. above, '+inf') end
for index = 6, #ARGV, 2 do
  redis.call('HSET', key, ARGV[index], ARGV[index + 1])
  if ARGV[index] == 'end' then redis.call('ZADD', marks, string.match(ARGV[index + 1], '^-?%d+'), ARGV[index + 1]) end
end
if floor ~= '' then
  -- One mark below the floor stays: from there on a chain that differs is searched for the point where it parts.
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
