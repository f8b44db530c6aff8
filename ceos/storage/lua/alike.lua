-- ALIKE: the posts of other agents that are listed under hashes, newest first for each hash. ARGV: agent, hashes.
-- Returns "agent digest" once for each hash that a post shares.
local found, own = {}, ARGV[1] .. ' '
for i = 2, #ARGV do
  for _, post in ipairs(redis.call('LRANGE', 'ceos:alike:' .. ARGV[i], 0, -1)) do
    if string.sub(post, 1, #own) ~= own then table.insert(found, post) end
  end
end
return found
