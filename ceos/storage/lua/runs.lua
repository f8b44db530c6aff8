-- RUNS: the records of runs. ARGV: their ids.
-- Returns for each its agent, its slot, its draft or false, and its fields; a run that is not there has no fields.
local found = {}
for index, run in ipairs(ARGV) do
  found[index] = {agent_of(run), slot_of(run), redis.call('GET', 'ceos:draft:' .. run), redis.call('HGETALL', 'ceos:run:' .. run)}
end
return found
