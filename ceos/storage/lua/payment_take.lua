-- PAYMENT_TAKE: take a payment that a buyer has sent, unless somebody else is serving it. ARGV: payment, digest of what it
-- is for, token, milliseconds of the lease, how often serving it may fail. Returns {taken} or {answered, answer} to the
-- one that has it now, or {verified}; {settled, answer, transaction} for one that is done with; or busy, other (it bought
-- another thing), failed (too often).
local id, digest, token, lease, most = unpack(ARGV)
local key = 'ceos:sale:' .. id
local st, is_for, owner, till, fails, answer, tx =
  unpack(redis.call('HMGET', key, 'st', 'for', 'token', 'lease', 'fails', 'answer', 'tx'))
if st and is_for ~= digest then return {'other'} end
if st == 'settled' then return {'settled', answer, tx} end
if st and owner ~= token and tonumber(till) > now() then return {'busy'} end
if tonumber(fails or '0') >= tonumber(most) then return {'failed'} end
if owner ~= token then
  redis.call('HSET', key, 'st', st or 'taken', 'for', digest, 'token', token, 'lease', now() + lease)
  -- One that was never found good goes with its lease.
  if not st then redis.call('PEXPIRE', key, lease) end
end
return {st or 'taken', answer or ''}
