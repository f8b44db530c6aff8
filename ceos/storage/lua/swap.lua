-- SWAP: replace a field of a hash if it still has the value that the caller has read. ARGV: key, field, old or "", new.
-- Returns 1 if the field now is `new`, also by an earlier call, and 0 if another process has changed it.
local key, field, old, new = unpack(ARGV)
local found = redis.call('HGET', key, field) or ''
if found == new then return 1 end
if found ~= old then return 0 end
redis.call('HSET', key, field, new)
return 1
