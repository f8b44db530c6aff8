-- SAVE: store an agent's description. ARGV: agent, config JSON, revision, slot or "", fire ms, whether to move the slot (1 or 0).
-- Returns created, changed or unchanged.
local agent, config, revision, slot, fire, moves = unpack(ARGV)
local key = 'ceos:agent:' .. agent
local old = redis.call('HGET', key, 'rev')
if old == revision then return 'unchanged' end
redis.call('SET', 'ceos:config:' .. agent, config)
redis.call('SADD', 'ceos:agents', agent)
redis.call('HSET', key, 'rev', revision)
if not old then redis.call('HSET', key, 'state', 'idle', 'since', now()) end
if (not old or moves == '1') and redis.call('HGET', key, 'state') ~= 'paused' then
  if slot == '' then
    redis.call('HDEL', key, 'slot')
    redis.call('ZREM', 'ceos:due', agent)
  else
    redis.call('HSET', key, 'slot', slot)
    redis.call('ZADD', 'ceos:due', fire, agent)
  end
end
return old and 'changed' or 'created'
