-- EVENT_OPEN: open the run in which an agent may post about an event. ARGV: agent, subscription, event (16 hex digits),
-- slot, UTC day, posts a day, how many events the agent is asked about a day, seconds to keep, JSON of the event. Returns
-- opened, or the reason: missing, paused, error, taken (the agent was asked about the event before, by this or another
-- subscription), enough (for the day; an event that the strategy skipped does not count as a post).
local agent, subscription, id, slot, day, max_posts, max_asked, keep, event = unpack(ARGV)
local taken = 'ceos:event:taken:' .. id
local today = 'ceos:event:day:' .. agent .. ':' .. subscription .. ':' .. day
local before = redis.call('HGET', taken, agent)
if before then return before == slot and 'opened' or 'taken' end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state then return 'missing' end
if is_held(state) then return state end
local count = redis.call('SCARD', today)
if count >= tonumber(max_asked) or count - redis.call('SCARD', today .. ':passed') >= tonumber(max_posts) then return 'enough' end
redis.call('SADD', today, id)
redis.call('EXPIRE', today, 172800)
redis.call('HSET', taken, agent, slot)
redis.call('EXPIRE', taken, keep)
redis.call('SET', 'ceos:event:' .. run_of(agent, slot), event, 'EX', keep)
open_run(agent, slot, 'planned')
return 'opened'
