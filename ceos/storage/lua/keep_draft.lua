-- KEEP_DRAFT: store the draft of a leased run whose status stays. Rest of ARGV: draft JSON.
redis.call('SET', 'ceos:draft:' .. run, ARGV[4])
renew()
return 'ok'
