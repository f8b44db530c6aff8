-- COUNT: claim the counting of accounts of one hour, for some minutes. ARGV: hour, milliseconds of the claim, 1 when it is done.
-- Returns 1 if the caller may count now. When a process dies at it, another one may count after the claim has ended.
local hour, claim, is_done = unpack(ARGV)
local done, until_ms = unpack(redis.call('HMGET', 'ceos:count', 'done', 'until'))
if tonumber(done or '-1') >= tonumber(hour) then return 0 end
if is_done == '1' then
  redis.call('HSET', 'ceos:count', 'done', hour, 'until', 0)
  return 0
end
if tonumber(until_ms or '0') > now() then return 0 end
redis.call('HSET', 'ceos:count', 'until', now() + claim)
return 1
