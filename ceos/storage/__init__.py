"""The storage of ceos: one Redis database. This page is the map of all its keys.

    ceos:agents             set     ids of all agents
    ceos:config:{agent}     string  the agent's description, JSON
    ceos:agent:{agent}      hash    rev, slot (next, un-jittered), done (watermark: last published slot), state, since,
                                    run (the run that owns the agent), failures (in a row), reason, missed (count),
                                    fid, listen (offset of its polls for mentions; absent while its engagement is off)
    ceos:fid:{fid}          set     the agents with this account
    ceos:signer:{digest}    string  the fid for which a signer (digest of its id) writes; looked up again after a day
    ceos:history:{agent}    list    the last 50 changes of state, JSON [ms, old, new, run, reason]
    ceos:missed:{agent}     list    the last 50 missed slots, JSON [slot, reason]
    ceos:recent:{agent}     list    the last 50 casts, JSON Cast, newest first
    ceos:sketch:{digest}    string  the sketch of a text, see `domain.sketch`, for 14 days
    ceos:alike:{hash}       list    the last 16 posts with this hash among the smallest of their sketch: agent, digest
    ceos:queue:{agent}      zset    the agent's open runs by time of opening; the first is processed first
    ceos:runs:{agent}       zset    the agent's last 200 runs by time of opening
    ceos:mentions:{agent}   zset    the runs of the agent's last 200 mentions by time of opening
    ceos:inbox:{agent}      zset    planned runs of mentions that wait for the queue, by time of the cast
    ceos:seen:{agent}       zset    hashes of received casts by time of the cast, complete down to `floor`
    ceos:ear:{agent}        hash    NotificationCursor: floor (casts up to it are ignored), mark (watermark), top and
                                    cursor (next watermark and page of an unfinished poll), again (that poll was
                                    restarted), looks (number of polls), at, failures, why
    ceos:casts:{agent}      zset    places taken in the agent's hour, {run}:{part}, reserved before the part is paid for
    ceos:spend:{agent}:{day} hash   total and reservations of a UTC day, micro-USD
    ceos:memory:{agent}     hash    notes of its skills: {skill}\\x1f{key} → JSON, {skill} → size of all notes in bytes
    ceos:skills:{agent}     hash    skill → failures in a row; absent while the skill works
    ceos:due                zset    agent by the time its next slot fires (slot + jitter)
    ceos:open               zset    run by the time at which a worker must process it: outbox, timer and lease index
    ceos:review             zset    parked run by the time it expires
    ceos:dead               zset    failed or partial run by the time it ended
    ceos:measure            zset    published run by the time of its next measurement
    ceos:run:{run}          hash    st(atus), was (status before its end), again (retried by command), wrong (account),
                                    at, end, why, order (digest of what an operator asked for), kind, fence, token,
                                    lease, deliv(eries), d (calls without effect), tries, waits;
                                    per part i: s{i} first send, l{i} last send, a{i} failed sends, h{i} hash.
                                    Only `why` may exceed 64 bytes, so Redis stores the hash compactly; except
                                    `video` (JSON VideoRecord) of a run with a video; vtold (id of its job by a webhook)
    ceos:draft:{run}        string  the draft, JSON; shortened once published
    ceos:retraction:{run}   string  an operator's request to take something back, JSON Retraction
    ceos:mention:{run}      string  the cast that the run reacts to, JSON Mention
    ceos:decision:{run}     string  the decision about a mention, JSON Decision; never replaced
    ceos:claim:{cast}       string  the run that reacts to a cast of another account; no other agent may react
    ceos:person:{agent}:{fid} zset  runs with an answer to a person in the last hour
    ceos:thread:{agent}:{cast} set  runs with an answer in the conversation that began with this cast
    ceos:reacted:{agent}:{day}:{like | recast} set  runs with this reaction on a UTC day
    ceos:said:{agent}:{fid} list    the agent's last 5 answers to a person, newest first
    ceos:heard              string  number of open mentions
    ceos:heard:{day}        hash    opened, and each final status → number of mentions on a UTC day (days since 1970)
    ceos:listen             zset    agent by the time of its next poll for mentions; 0 before its first poll
    ceos:pace:{service}     zset    requests of the last minute by time
    ceos:trends             hash    found (the latest snapshot, JSON TrendSnapshot) and by (token of its refresh)
    ceos:trends:agents      set     the agents that post about trends
    ceos:trends:due         string  time of the next refresh; absent while no agent posts about trends
    ceos:trends:turn        string  token of the refresh in progress
    ceos:trends:asked:{agent}:{time} string  present after the agent was asked about the snapshot of this time
    ceos:trends:judged:{agent} hash topic → its relevance to the agent, JSON Relevance
    ceos:trends:taken:{agent} zset  slots of the posts about trends of the last 31 days by their time
    ceos:trends:asking      set     the agents whose bids for the latest snapshot are waited for
    ceos:trends:bids        hash    agent → the relevance of the trends that it would post about, JSON by topic
    ceos:trends:fleet       zset    the runs of posts about trends of all agents of the last 31 days by their time
    ceos:trend:{run}        string  the trend of a run, JSON ClaimedTrend
    ceos:metrics:{run}      hash    cast hash → its measurements, packed
    ceos:count              hash    done (the last hour whose accounts were counted), until (end of a claim)
    ceos:series:{agent}     hash    h{day} → hourly points of the account, d{year} and p{year} → daily rows of the
                                    account and of its posts, packed, days and hours counted since 1970; folded (day);
                                    the names of corrections that were made for the agent
    ceos:posts:{agent}      hash    slot → post and measurements, JSON [at, kind, parts, attempts, repeats, followers,
                                    packed]
    ceos:corrections        hash    correction of stored numbers → when it was finished for all agents
    ceos:tally:{agent}      hash    {day}:{outcome} → number of scheduled slots on that day
    ceos:scores:{agent}     hash    ISO week → score and inputs, JSON
    ceos:chain:due          zset    background tasks of the chain (tx/…, sub/…, anchor/…) by the time they are due
    ceos:identities:{registry} hash agent → its entry in a registry of one chain, JSON Registration; outlives it
    ceos:anchors:{registry}:{agent} hash ISO week → its anchored score, JSON AnchoredScore; outlives the agent
    ceos:tx/{id}            hash    a transaction: key, req(uest, JSON), account, st(atus), why, at, ok (wei approved);
                                    once it is signed nonce, n (versions), raw{n} and hash{n} (of each), worst (wei),
                                    day, caps (reserved, JSON), quote, signed, sent (times), cancel (the first version
                                    that only takes its place); once it is mined hash, block, bhash, cost (wei),
                                    receipt (JSON)
    ceos:txs                zset    the last 500 transactions by time
    ceos:tx-nonce:{chain}:{account} string  the next nonce of an account
    ceos:tx-spent:{day}     hash    name of a cap → amount signed on a UTC day, in the unit of the cap
    ceos:subs               hash    subscription → fingerprint of its filter
    ceos:sub:{name}:{print} hash    progress of a subscription: token, lease; from, next, head (blocks), end (checkpoint
                                    of the last block that was read), at (block:index:hash of the event whose delivery
                                    began last, with :done once it ended), doubts (retries of it), fork (newest block
                                    that stays, while a re-org is announced), gone (event announced as removed last),
                                    handed (events delivered), removed, odd (malformed logs), range, fails, why
    ceos:sub:{name}:{print}:marks zset checkpoints block:hash of ends of ranges and of blocks with events, by block, as
                                    far back as re-orgs may reach, and one more
    ceos:sub:{name}:{print}:kept list events delivered in these blocks, "block JSON", newest last
    ceos:event:{run}        string  the event that a run is about, JSON ChainEvent; with `removed` after a re-org
    ceos:event:taken:{event} hash   agent → the slot in which it was asked about the event
    ceos:event:day:{agent}:{sub}:{day} set  events about which the agent was asked on a UTC day
    ceos:event:day:{agent}:{sub}:{day}:passed set  those of them that its strategy skipped
    ceos:pay/{id}           hash    one purchase over HTTP: st(atus), plan (JSON PaymentPlan), sig(nature), key, tx,
                                    why, at, day, agent, micro (micro-USD reserved)
    ceos:pay-answer:pay/{id} string the seller's response, JSON
    ceos:pays               zset    the last 500 purchases by time
    ceos:pay-spent:{day}    hash    micro-USD paid or reserved on a UTC day (YYYYMMDD): total, a:{agent}
    ceos:sale:{network}:{account}:{nonce} hash the sale of a buyer's payment: st(atus), for (digest of the order),
                                    token and lease of its claim, answer (response), tx, fails, fell (token that failed)
    ceos:sale-open:{network}:{account} string the payment of an account that was served last; until it is settled,
                                    another payment of the account is not served
    ceos:models             hash    OpenRouter's catalogue: at (seconds since 1970 when it was read), rows (JSON)
    ceos:models:turn        string  present while a process reads the catalogue
    ceos:workers            zset    worker process by the time it was last seen
    ceos:panic              string  the reason; present while all publishing is halted
    ceos:hooks              hash    "{calls | failures | micros} {hook} {plugin}" → count over all processes
    ceos:listeners          string  present while plugins of a scheduler listen to changes of state
    ceos:changes            list    unreported changes of state, JSON [agent, [ms, old, new, run, reason]]

All times are milliseconds UTC. Those of runs are Redis's own; those of slots are the schedule's clock.
"""
