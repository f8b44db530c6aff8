-- PAYMENT_SERVE: note how far the one who has a payment came with it. ARGV: payment, token, what (verified, answered,
-- settled, failed, free, drop), answer, transaction, seconds to keep. Returns 1, or 0 to one who has it no longer, or may
-- not go on: with money for one payment, an account would have skills run for many that are all found good at once.
local OWING_SECONDS = 600
local id, token, what, answer, tx, keep = unpack(ARGV)
local key = 'ceos:sale:' .. id
if redis.call('HGET', key, 'token') ~= token then return 0 end
local st, fails = unpack(redis.call('HMGET', key, 'st', 'fails'))
-- One that nobody has found good yet, or ever will, is not worth its place: strangers make them by the thousand.
if what == 'drop' or (what == 'free' and (st == 'taken' or st == 'verified') and not fails) then
  redis.call('DEL', key)
  return 1
end
if what == 'verified' then
  local open = 'ceos:sale-open:' .. string.match(id, '^(.*):')
  local other = redis.call('GET', open)
  if other and other ~= id then
    local its, till = unpack(redis.call('HMGET', 'ceos:sale:' .. other, 'st', 'lease'))
    if its == 'answered' or (its == 'verified' and tonumber(till) > now()) then return 0 end
  end
  redis.call('SET', open, id, 'EX', OWING_SECONDS)
  redis.call('HSET', key, 'st', 'verified')
elseif what == 'answered' then
  redis.call('HSET', key, 'st', 'answered', 'answer', answer)
elseif what == 'settled' then
  redis.call('HSET', key, 'st', 'settled', 'tx', tx, 'lease', 0)
else
  redis.call('HSET', key, 'lease', 0)
  if what == 'failed' and redis.call('HGET', key, 'fell') ~= token then
    redis.call('HSET', key, 'fell', token)
    redis.call('HINCRBY', key, 'fails', 1)
  end
end
redis.call('EXPIRE', key, keep)
return 1
