-- PAYMENT_SERVE: note how far the one who has a payment came with it. ARGV: payment, token, what (answered, settled,
-- failed, free, drop), answer, transaction, seconds to keep. Returns 1, or 0 to one who has it no longer.
local id, token, what, answer, tx, keep = unpack(ARGV)
local key = 'ceos:sale:' .. id
if redis.call('HGET', key, 'token') ~= token then return 0 end
local st, fails = unpack(redis.call('HMGET', key, 'st', 'fails'))
-- One that nobody has found good yet, or ever will, is not worth its place: strangers make them by the thousand.
if what == 'drop' or (what == 'free' and st == 'taken' and not fails) then
  redis.call('DEL', key)
  return 1
end
if what == 'answered' then
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
