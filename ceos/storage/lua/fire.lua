-- FIRE: turn due slots into runs. ARGV: a JSON list of
-- {agent, stored slot, next slot or "", next fire, [slots to open], [[missed slot, reason], …], unlisted missed slots}.
-- Compare-and-set: an agent whose stored slot is no longer the one the caller read is skipped, so any number of schedulers may race.
local opened = {}
for _, item in ipairs(cjson.decode(ARGV[1])) do
  local agent, slot, next_slot, next_fire, opens, missed, unlisted = unpack(item)
  local key = 'ceos:agent:' .. agent
  if redis.call('HGET', key, 'slot') == slot then
    if next_slot == '' then
      redis.call('HDEL', key, 'slot')
      redis.call('ZREM', 'ceos:due', agent)
    else
      redis.call('HSET', key, 'slot', next_slot)
      redis.call('ZADD', 'ceos:due', next_fire, agent)
    end
    for _, entry in ipairs(missed) do record_missed(agent, entry[1], entry[2]) end
    if unlisted > 0 then
      redis.call('HINCRBY', key, 'missed', unlisted)
      tally(agent, slot, 'missed', unlisted)
    end
    local state = redis.call('HGET', key, 'state')
    local mark = tonumber(redis.call('HGET', key, 'done') or '0')
    for _, open_slot in ipairs(opens) do
      if state == 'error' then
        record_missed(agent, open_slot, 'the agent was in error')
      elseif state ~= 'paused' and tonumber(open_slot) > mark and open_run(agent, open_slot, 'planned') then
        opened[#opened + 1] = run_of(agent, open_slot)
      end
    end
  end
end
return opened
