-- FORGET_CAST: remove a deleted cast from recent casts, replies, measurements and posts. ARGV: agent, its run or "", cast hash.
-- What remains of a thread is counted anew at its next measurement.
local agent, run, hash = unpack(ARGV)
local recent, text = 'ceos:recent:' .. agent, nil
for _, row in ipairs(redis.call('LRANGE', recent, 0, -1)) do
  local cast = cjson.decode(row)
  if cast.hash == hash then
    text = cast.text
    redis.call('LREM', recent, 0, row)
  end
end
if run == '' then return 'ok' end
local draft = redis.call('GET', 'ceos:draft:' .. run)
local parent = draft and cjson.decode(draft).parent
if text and type(parent) == 'table' then
  redis.call('LREM', 'ceos:said:' .. agent .. ':' .. string.format('%d', parent.fid), 0, text)
end
redis.call('HDEL', 'ceos:metrics:' .. run, hash)
if redis.call('EXISTS', 'ceos:metrics:' .. run) == 0 then redis.call('ZREM', 'ceos:measure', run) end
redis.call('HDEL', 'ceos:posts:' .. agent, slot_of(run))
return 'ok'
