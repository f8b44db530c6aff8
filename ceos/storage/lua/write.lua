-- WRITE: set fields of a leased run; an empty value removes the field. Rest of ARGV: field, value, …
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', key, ARGV[i]) else redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
end
renew()
return 'ok'
