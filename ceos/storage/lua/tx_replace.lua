-- TX_REPLACE: store another version of a signed transaction, with the same nonce. ARGV: id, number of existing versions, raw,
-- hash, maximum cost (wei), caps as in TX_SIGN, none smaller than before because any version may be mined; 'cancel' if it only
-- uses up the nonce; the quote; milliseconds as in TX_SIGN.
-- Returns signed, or the obstacle: `cap NAME`, changed (another worker was faster), or the status.
local id, versions, raw, hash, max_cost, caps, cancel, quote, keep = unpack(ARGV)
local record, index = 'ceos:' .. id, versions + 1
local status, n, day, held, known = unpack(redis.call('HMGET', record, 'st', 'n', 'day', 'caps', 'hash' .. index))
if not status then return 'missing' end
if status ~= 'signed' then return status end
if known == hash then return 'signed' end
if n ~= versions then return 'changed' end

local spent, before, wanted = 'ceos:tx-spent:' .. day, {}, cjson.decode(caps)
for _, cap in ipairs(cjson.decode(held)) do before[cap.name] = cap.amount end
for _, cap in ipairs(wanted) do
  local more = cap.amount - (before[cap.name] or 0)
  if more > 0 and tonumber(redis.call('HGET', spent, cap.name) or '0') + more > cap.most then return 'cap ' .. cap.name end
end
for _, cap in ipairs(wanted) do redis.call('HINCRBY', spent, cap.name, cap.amount - (before[cap.name] or 0)) end
redis.call('PEXPIRE', spent, keep)
redis.call('HSET', record, 'raw' .. index, raw, 'hash' .. index, hash, 'n', index, 'worst', max_cost, 'signed', now(), 'why', '',
  'caps', caps, 'quote', quote, 'sent', 0)
if cancel ~= '' then redis.call('HSETNX', record, 'cancel', index) end
return 'signed'
