-- EVENT_OPEN: open the run of an agent that is asked whether it posts about an event. ARGV: agent, subscription, event (16
-- hex digits), slot (`e:{subscription}:{event}:{ms}`), UTC day, posts a day, seconds to keep, JSON of the event.
-- Returns opened, or why not: missing, paused, error, taken (the event, by this agent), enough (posts for the day).
local agent, subscription, id, slot, day, most, keep, found = unpack(ARGV)
local taken = 'ceos:event:taken:' .. agent .. ':' .. subscription .. ':' .. id
local today = 'ceos:event:day:' .. agent .. ':' .. subscription .. ':' .. day
local before = redis.call('GET', taken)
if before then return before == slot and 'opened' or 'taken' end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state then return 'missing' end
if is_held(state) then return state end
if redis.call('SCARD', today) >= tonumber(most) then return 'enough' end
redis.call('SADD', today, id)
redis.call('EXPIRE', today, 172800)
redis.call('SET', taken, slot, 'EX', keep)
redis.call('SET', 'ceos:event:' .. agent .. ':' .. slot, found, 'EX', keep)
open_run(agent, slot, 'planned')
return 'opened'
