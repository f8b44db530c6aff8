-- TX_SIGN: take a nonce and store the version signed with it, both or neither, before anything is sent. ARGV: id, chain and
-- account (`{chain}:{account}`), the nonce of the version, the account's next nonce on chain, raw, hash, maximum cost (wei), day,
-- caps as JSON [{name, amount, most, rule}, …], milliseconds after which the reservations of a day expire, the quote.
-- Returns signed; or `nonce N` with the nonce to sign with; or `cap NAME`; or a status in which nothing is signed.
local id, account, nonce, on_chain, raw, hash, max_cost, day, caps, keep, quote = unpack(ARGV)
local record = 'ceos:' .. id
local status, known = unpack(redis.call('HMGET', record, 'st', 'hash1'))
if not status then return 'missing' end
if status == 'signed' and known == hash then return 'signed' end
if status ~= 'planned' then return status end

local key = 'ceos:tx-nonce:' .. account
local free = math.max(tonumber(redis.call('GET', key) or '0'), tonumber(on_chain))
if free ~= tonumber(nonce) then return string.format('nonce %.0f', free) end

local spent = 'ceos:tx-spent:' .. day
local wanted = cjson.decode(caps)
for _, cap in ipairs(wanted) do
  local before = tonumber(redis.call('HGET', spent, cap.name) or '0')
  if before + cap.amount > cap.most then return 'cap ' .. cap.name end
end
for _, cap in ipairs(wanted) do redis.call('HINCRBY', spent, cap.name, cap.amount) end
redis.call('PEXPIRE', spent, keep)
redis.call('SET', key, free + 1)
redis.call('HSET', record, 'st', 'signed', 'why', '', 'nonce', nonce, 'raw1', raw, 'hash1', hash, 'n', 1, 'worst', max_cost, 'day', day,
  'caps', caps, 'quote', quote, 'signed', now())
return 'signed'
