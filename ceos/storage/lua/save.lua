-- SAVE: store an agent's description. ARGV: agent, config JSON, revision, slot or "", fire ms, whether to move the slot (1 or 0),
-- fid, place among those that listen or "", present time.
-- Returns created, changed or unchanged. An agent that begins to listen is not concerned with what came before.
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
    local ear = 'ceos:ear:' .. agent
    -- Casts tell only the second they are from: one of this very second is new.
    local floor = math.max(tonumber(redis.call('HGET', ear, 'floor') or '0'), present - present % 1000 - 1)
    redis.call('HDEL', ear, 'top', 'cursor', 'again', 'failures', 'why')
    redis.call('HSET', ear, 'floor', floor, 'mark', floor)
    redis.call('HINCRBY', ear, 'looks', 1)
  end
  redis.call('HSET', key, 'listen', listen)
  if not is_paused then redis.call('ZADD', 'ceos:listen', 'NX', 0, agent) end
end
follow_trends(agent, cjson.decode(config).trends.posts_per_day > 0)
return old and 'changed' or 'created'
