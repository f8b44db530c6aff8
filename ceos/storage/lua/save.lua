-- SAVE: store an agent's description. ARGV: agent, config JSON, revision, slot or "", fire ms, whether to move the slot (1 or 0),
-- fid, offset of its polls for mentions or "" while its engagement is off, present time.
-- Returns created, changed or unchanged. Casts from before the engagement was switched on are ignored.
local agent, config, revision, slot, fire, moves, fid, listen, present = unpack(ARGV)
local key = 'ceos:agent:' .. agent
local old, old_fid, listens = unpack(redis.call('HMGET', key, 'rev', 'fid', 'listen'))
if old == revision then return 'unchanged' end
redis.call('SET', 'ceos:config:' .. agent, config)
redis.call('SADD', 'ceos:agents', agent)
if old_fid and old_fid ~= fid then redis.call('SREM', 'ceos:fid:' .. old_fid, agent) end
redis.call('SADD', 'ceos:fid:' .. fid, agent)
redis.call('HSET', key, 'rev', revision, 'fid', fid)
if not old then redis.call('HSET', key, 'state', 'idle', 'since', now()) end
local is_paused = redis.call('HGET', key, 'state') == 'paused'
if (not old or moves == '1') and not is_paused then
  if slot == '' then
    redis.call('HDEL', key, 'slot')
    redis.call('ZREM', 'ceos:due', agent)
  else
    redis.call('HSET', key, 'slot', slot)
    redis.call('ZADD', 'ceos:due', fire, agent)
  end
end
if listen == '' then
  redis.call('HDEL', key, 'listen')
  redis.call('ZREM', 'ceos:listen', agent)
else
  if not listens or old_fid ~= fid then
    local cursor = 'ceos:ear:' .. agent
    -- The time of a cast has a resolution of one second: a cast of the present second is new.
    local floor = math.max(tonumber(redis.call('HGET', cursor, 'floor') or '0'), present - present % 1000 - 1)
    redis.call('HDEL', cursor, 'top', 'cursor', 'again', 'failures', 'why')
    redis.call('HSET', cursor, 'floor', floor, 'mark', floor)
    redis.call('HINCRBY', cursor, 'looks', 1)
  end
  redis.call('HSET', key, 'listen', listen)
  if not is_paused then redis.call('ZADD', 'ceos:listen', 'NX', 0, agent) end
end
follow_trends(agent, cjson.decode(config).trends.posts_per_day > 0)
return old and 'changed' or 'created'
