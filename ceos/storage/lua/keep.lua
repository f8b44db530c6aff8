-- KEEP: replace fields of hashes, each only if it still has the value that the caller has read. ARGV: a JSON list of
-- {agent, key, field, old or "", new or ""}; "" stands for a missing field. Fields of a removed agent are not stored.
-- Returns the numbers, from 1, of the fields that were not replaced.
local refused = {}
for number, item in ipairs(cjson.decode(ARGV[1])) do
  local agent, key, field, old, new = unpack(item)
  local there = redis.call('HEXISTS', 'ceos:agent:' .. agent, 'state') == 1
  if not there or (redis.call('HGET', key, field) or '') ~= old then
    refused[#refused + 1] = number
  elseif new == '' then
    redis.call('HDEL', key, field)
  else
    redis.call('HSET', key, field, new)
  end
end
return refused
