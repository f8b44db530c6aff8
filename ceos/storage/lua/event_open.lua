-- EVENT_OPEN: open the run of an agent that is asked whether it posts about an event. ARGV: agent, subscription, event (16
-- hex digits), slot, UTC day, posts a day, how many it is asked about a day, seconds to
-- keep, JSON of the event. Returns opened, or why not: missing, paused, error, taken (the event, by this agent, through
-- whatever subscription), enough (for the day; what it let pass is no post).
local agent, subscription, id, slot, day, most, asked, keep, found = unpack(ARGV)
local taken = 'ceos:event:taken:' .. id
local today = 'ceos:event:day:' .. agent .. ':' .. subscription .. ':' .. day
local before = redis.call('HGET', taken, agent)
if before then return before == slot and 'opened' or 'taken' end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state then return 'missing' end
if is_held(state) then return state end
local count = redis.call('SCARD', today)
if count >= tonumber(asked) or count - redis.call('SCARD', today .. ':passed') >= tonumber(most) then return 'enough' end
redis.call('SADD', today, id)
redis.call('EXPIRE', today, 172800)
redis.call('HSET', taken, agent, slot)
redis.call('EXPIRE', taken, keep)
redis.call('SET', 'ceos:event:' .. run_of(agent, slot), found, 'EX', keep)
open_run(agent, slot, 'planned')
return 'opened'
