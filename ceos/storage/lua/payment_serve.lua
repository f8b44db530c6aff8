-- PAYMENT_SERVE: record the progress of a sale. ARGV: payment, token, progress (verified, answered, settled, failed, free,
-- drop), response, transaction, seconds to keep. Returns 1, or 0 when the claim is lost or the account has another sale
-- that is not settled: a balance for one payment must not let the skill run for many payments that are all valid.
local OWING_SECONDS = 600
local id, token, progress, response, tx, keep = unpack(ARGV)
local key = 'ceos:sale:' .. id
if redis.call('HGET', key, 'token') ~= token then return 0 end
local st, fails = unpack(redis.call('HMGET', key, 'st', 'fails'))
-- An unverified payment is not kept, because anyone can send thousands of them.
if progress == 'drop' or (progress == 'free' and (st == 'taken' or st == 'verified') and not fails) then
  redis.call('DEL', key)
  return 1
end
if progress == 'verified' then
  local open = 'ceos:sale-open:' .. string.match(id, '^(.*):')
  local other = redis.call('GET', open)
  if other and other ~= id then
    local its, till = unpack(redis.call('HMGET', 'ceos:sale:' .. other, 'st', 'lease'))
    if its == 'answered' or (its == 'verified' and tonumber(till) > now()) then return 0 end
  end
  redis.call('SET', open, id, 'EX', OWING_SECONDS)
  redis.call('HSET', key, 'st', 'verified')
elseif progress == 'answered' then
  redis.call('HSET', key, 'st', 'answered', 'answer', response)
elseif progress == 'settled' then
  redis.call('HSET', key, 'st', 'settled', 'tx', tx, 'lease', 0)
else
  redis.call('HSET', key, 'lease', 0)
  if progress == 'failed' and redis.call('HGET', key, 'fell') ~= token then
    redis.call('HSET', key, 'fell', token)
    redis.call('HINCRBY', key, 'fails', 1)
  end
end
redis.call('EXPIRE', key, keep)
return 1
