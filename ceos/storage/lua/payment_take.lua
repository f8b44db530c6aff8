-- PAYMENT_TAKE: claim a buyer's payment. ARGV: payment, digest of what it buys, token, milliseconds of the lease, how often
-- the skill may fail. Returns {taken}, {verified} or {answered, response} with the claim, {settled, response, transaction}
-- for a sale that is done, or {busy}, {other} (it bought another thing) or {failed} (too often).
local id, digest, token, lease, max_failures = unpack(ARGV)
local key = 'ceos:sale:' .. id
local st, is_for, owner, till, fails, answer, tx =
  unpack(redis.call('HMGET', key, 'st', 'for', 'token', 'lease', 'fails', 'answer', 'tx'))
if st and is_for ~= digest then return {'other'} end
if st == 'settled' then return {'settled', answer, tx} end
if st and owner ~= token and tonumber(till) > now() then return {'busy'} end
if tonumber(fails or '0') >= tonumber(max_failures) then return {'failed'} end
if owner ~= token then
  redis.call('HSET', key, 'st', st or 'taken', 'for', digest, 'token', token, 'lease', now() + lease)
  -- A payment that is never verified expires with its lease.
  if not st then redis.call('PEXPIRE', key, lease) end
end
return {st or 'taken', answer or ''}
