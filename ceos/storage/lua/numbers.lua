-- NUMBERS: the agent's recent casts with their measurements. ARGV: agent.
-- Returns for each measured cast its JSON and that of its measurements, newest first.
local casts, wanted, left = redis.call('LRANGE', 'ceos:recent:' .. ARGV[1], 0, -1), {}, 0
for i, cast in ipairs(casts) do
  wanted[cjson.decode(cast).hash] = i
  left = left + 1
end
local found = {}
for _, run in ipairs(redis.call('ZREVRANGE', 'ceos:runs:' .. ARGV[1], 0, -1)) do
  if left == 0 then break end
  local rows = redis.call('HGETALL', 'ceos:metrics:' .. run)
  for i = 1, #rows, 2 do
    if wanted[rows[i]] then
      found[wanted[rows[i]]] = rows[i + 1]
      left = left - 1
    end
  end
end
local answer = {}
for i, cast in ipairs(casts) do
  if found[i] and found[i] ~= '' then
    table.insert(answer, cast)
    table.insert(answer, found[i])
  end
end
return answer
