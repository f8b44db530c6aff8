-- SWAP: replace a field of a hash if it still is what the caller has read. ARGV: key, field, old or "", new.
-- Returns 1 if it now is `new`, be it by an earlier call of the same, and 0 if somebody else was quicker.
local key, field, old, new = unpack(ARGV)
local found = redis.call('HGET', key, field) or ''
if found == new then return 1 end
if found ~= old then return 0 end
redis.call('HSET', key, field, new)
return 1
