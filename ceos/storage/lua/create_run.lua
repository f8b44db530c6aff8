-- CREATE_RUN: open the run of a manual post. ARGV: agent, slot, status, kind or "", draft JSON or "", digest of the order.
-- The same slot again changes nothing and returns 'exists', or 'other' when it was opened by another order.
local agent, slot, status, kind, draft, order = unpack(ARGV)
local run = run_of(agent, slot)
if redis.call('EXISTS', 'ceos:run:' .. run) == 1 then
  local known = redis.call('HGET', 'ceos:run:' .. run, 'order')
  return known and known ~= order and 'other' or 'exists'
end
local state = redis.call('HGET', 'ceos:agent:' .. agent, 'state')
if not state then return 'missing' end
if is_held(state) then return state end
open_run(agent, slot, status)
redis.call('HSET', 'ceos:run:' .. run, 'order', order)
if kind ~= '' then redis.call('HSET', 'ceos:run:' .. run, 'kind', kind) end
if draft ~= '' then redis.call('SET', 'ceos:draft:' .. run, draft) end
return 'opened'
