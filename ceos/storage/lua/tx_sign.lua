-- TX_SIGN: take a nonce and store what was signed with it, both or neither, before anything is sent. ARGV: id, chain and account
-- (`{chain}:{account}`), the nonce it was signed with, the account's nonce as the chain tells it, raw, hash, worst (wei), day,
-- caps as JSON [{name, amount, most, rule}, …], milliseconds after which the reservations of a day are forgotten, the quote.
-- Returns signed; or `nonce N` where N is the one to sign with; or `cap NAME`; or the status in which nothing is signed.
local id, account, nonce, told, raw, hash, worst, day, caps, keep, quote = unpack(ARGV)
local record = 'ceos:' .. id
local status, known = unpack(redis.call('HMGET', record, 'st', 'hash1'))
if not status then return 'missing' end
if status == 'signed' and known == hash then return 'signed' end
if status ~= 'planned' then return status end

local key = 'ceos:tx-nonce:' .. account
local free = math.max(tonumber(redis.call('GET', key) or '0'), tonumber(told))
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
redis.call('HSET', record, 'st', 'signed', 'why', '', 'nonce', nonce, 'raw1', raw, 'hash1', hash, 'n', 1, 'worst', worst, 'day', day,
  'caps', caps, 'quote', quote, 'signed', now())
return 'signed'
