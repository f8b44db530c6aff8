-- TREND_OPEN: open the run of an agent that claims a trend. ARGV: agent, slot, ms, window ms,
-- start of the day ms, posts a day, the longest window in milliseconds, seconds to keep, JSON of the claimed trend, the most
-- agents for one topic, the shortest time between two of them in milliseconds.
-- Returns opened, or the reason: missing, paused, error, taken (the topic, within the window), shared (by enough agents, or
-- a moment ago), enough (posts of the day).
local agent, slot, at, window, day, most, longest, keep, taken, agents, apart = unpack(ARGV)
local run = run_of(agent, slot)
local key = 'ceos:trends:taken:' .. agent
if redis.call('ZSCORE', key, slot) then return 'opened' end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state then return 'missing' end
if is_held(state) then return state end
local topic = topic_of(slot)
for _, other in ipairs(redis.call('ZRANGE', key, '(' .. (at - window), '+inf', 'BYSCORE')) do
  if string.sub(other, 1, #topic) == topic then return 'taken' end
end
local others, count = {}, 0
for _, other in ipairs(redis.call('ZRANGE', 'ceos:trends:fleet', '(' .. (at - window), '+inf', 'BYSCORE')) do
  if topic_of(slot_of(other)) == topic then
    if at - tonumber(string.match(other, '%d+$')) < tonumber(apart) then return 'shared' end
    if not others[agent_of(other)] then count = count + 1 end
    others[agent_of(other)] = true
  end
end
if count >= tonumber(agents) then return 'shared' end
if redis.call('ZCOUNT', key, day, '+inf') >= tonumber(most) then return 'enough' end
redis.call('ZREMRANGEBYSCORE', key, '-inf', at - longest)
redis.call('ZADD', key, at, slot)
redis.call('ZREMRANGEBYSCORE', 'ceos:trends:fleet', '-inf', at - longest)
redis.call('ZADD', 'ceos:trends:fleet', at, run)
redis.call('SET', 'ceos:trend:' .. run, taken, 'EX', keep)
open_run(agent, slot, 'planned')
return 'opened'
