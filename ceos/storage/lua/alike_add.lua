-- ALIKE_ADD: list a post under the smallest hashes of its sketch. ARGV: "agent digest", sketch, seconds to keep the sketch,
-- seconds to keep the post listed, posts per hash, hashes.
local post, sketch, keep, listed, most = unpack(ARGV, 1, 5)
redis.call('SET', 'ceos:sketch:' .. string.match(post, ' (.*)'), sketch, 'EX', keep)
for i = 6, #ARGV do
  local key = 'ceos:alike:' .. ARGV[i]
  redis.call('LREM', key, 0, post)
  redis.call('LPUSH', key, post)
  redis.call('LTRIM', key, 0, most - 1)
  redis.call('EXPIRE', key, listed)
end
return 'ok'
