-- Shared by every script; connection.py puts it in front of each, after LEGAL (' old>new ' for every legal change), FINAL (' status '
-- for every end) and STAGE (' status=stage ') made from lifecycle.py. They are strings, for a table would be built at every call.
-- The map of the keys is in storage/__init__.py. Time is Redis's own: the clocks of the workers need not agree.
-- Every script may be executed twice with the same arguments, because the client library may resend it.

local HISTORY = 50
local HOLD_MS = 30000
local DAYS_2 = 172800
-- Changes of state that are kept for plugins: at most this many, for this many seconds.
local CHANGES = 10000
local CHANGES_SECONDS = 600

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function is_final(status)
  return string.find(FINAL, ' ' .. status .. ' ', 1, true)
end

local function stage_of(status)
  return string.match(STAGE, ' ' .. status .. '=(%a+) ')
end

-- The grammar of run ids, see runs/ids.py; no other script knows it.
local function run_of(agent, slot)
  return agent .. ':' .. slot
end

local function agent_of(run)
  return string.match(run, '^[^:]*')
end

local function slot_of(run)
  return string.sub(run, #agent_of(run) + 2)
end

-- Whether a run reacts to a mention.
local function is_mention(run)
  return string.sub(slot_of(run), 1, 2) == 'r:'
end

-- Whether a run takes something back: it needs no turn of its agent, and it does not count against it.
local function is_retraction(run)
  return string.sub(slot_of(run), 1, 2) == 'd:'
end

-- A slot without the moment at its end: runs about the same topic have this in common.
local function topic_of(slot)
  return string.match(slot, '^.*:')
end

-- Keeps a change for the plugins that listen, if any does.
local function report(agent, change)
  if redis.call('EXISTS', 'ceos:listeners') == 0 then return end
  redis.call('RPUSH', 'ceos:changes', cjson.encode({agent, change}))
  redis.call('LTRIM', 'ceos:changes', -CHANGES, -1)
  redis.call('EXPIRE', 'ceos:changes', CHANGES_SECONDS)
end

-- Changes the agent's state if that is legal, and writes it into its history.
local function move(agent, new, run, reason)
  local key = 'ceos:agent:' .. agent
  local old = redis.call('HGET', key, 'state')
  if not old then return false end
  if old == new then return true end
  if not string.find(LEGAL, ' ' .. old .. '>' .. new .. ' ', 1, true) then return false end
  local at = now()
  redis.call('HSET', key, 'state', new, 'since', at)
  local change = {at, old, new, run, reason}
  redis.call('LPUSH', 'ceos:history:' .. agent, cjson.encode(change))
  redis.call('LTRIM', 'ceos:history:' .. agent, 0, HISTORY - 1)
  report(agent, change)
  return true
end

-- As move, but through idle where no direct change is legal: from sleeping, or from a state that a run abandoned.
local function enter(agent, new, run, reason)
  if move(agent, new, run, reason) then return true end
  return move(agent, 'idle', run, reason) and move(agent, new, run, '')
end

local function is_held(state)
  return state == 'paused' or state == 'error'
end

-- Creates and queues the run unless it exists. Returns whether it is new.
local function open_run(agent, slot, status)
  local run = run_of(agent, slot)
  local at = now()
  if redis.call('HSETNX', 'ceos:run:' .. run, 'st', status) == 0 then return false end
  redis.call('HSET', 'ceos:run:' .. run, 'at', at)
  redis.call('ZADD', 'ceos:open', at, run)
  redis.call('ZADD', 'ceos:queue:' .. agent, at, run)
  redis.call('ZADD', 'ceos:runs:' .. agent, at, run)
  redis.call('ZREMRANGEBYRANK', 'ceos:runs:' .. agent, 0, -201)
  if redis.call('HGET', 'ceos:agent:' .. agent, 'state') == 'sleeping' then move(agent, 'idle', run, 'slot') end
  return true
end

-- Counts the ends of mentions on a UTC day, and the open ones.
local function count_mention(what)
  redis.call('INCRBY', 'ceos:heard', what == 'opened' and 1 or -1)
  local key = 'ceos:heard:' .. math.floor(now() / 86400000)
  redis.call('HINCRBY', key, what, 1)
  redis.call('EXPIRE', key, 8 * 86400)
end

-- Queues the oldest waiting mention unless one is queued: however many there are, posts wait for one at most.
local function next_mention(agent)
  for _, run in ipairs(redis.call('ZRANGE', 'ceos:queue:' .. agent, 0, -1)) do
    if is_mention(run) then return end
  end
  local run = redis.call('ZPOPMIN', 'ceos:inbox:' .. agent)[1]
  if not run then return end
  local at = now()
  redis.call('ZADD', 'ceos:open', at, run)
  redis.call('ZADD', 'ceos:queue:' .. agent, at, run)
  if redis.call('HGET', 'ceos:agent:' .. agent, 'state') == 'sleeping' then move(agent, 'idle', run, 'mention') end
end

-- Returns the run to process next: the one that owns the agent, or else the one that was opened first. Posts precede mentions,
-- and a mention that waits yields: posts have a fixed time, which third parties must not delay.
local function first_in_line(agent, owner)
  if owner and owner ~= '' and redis.call('ZSCORE', 'ceos:open', owner) then
    local is_patient = is_mention(owner) and tonumber(redis.call('HGET', 'ceos:run:' .. owner, 'lease') or '0') <= now()
    if not is_patient then return owner end
  end
  local mention
  for _, run in ipairs(redis.call('ZRANGE', 'ceos:queue:' .. agent, 0, -1)) do
    if redis.call('ZSCORE', 'ceos:open', run) then
      if not is_mention(run) then return run end
      mention = mention or run
    end
  end
  return mention
end

-- Gives back the places in the agent's hour that a run holds for parts from the given one on and has not used; the place of
-- a part of unknown outcome is used.
local function give_back_places(agent, run, first)
  local places, key = 'ceos:casts:' .. agent, 'ceos:run:' .. run
  for part = first, 9 do
    local is_used = redis.call('HEXISTS', key, 's' .. part) == 1 or redis.call('HEXISTS', key, 'h' .. part) == 1
    if not is_used then redis.call('ZREM', places, run .. ':' .. part) end
  end
end

-- Releases the agent and makes the next run of its queue due.
local function release_agent(agent, run)
  redis.call('ZREM', 'ceos:open', run)
  redis.call('ZREM', 'ceos:queue:' .. agent, run)
  redis.call('ZREM', 'ceos:inbox:' .. agent, run)
  if redis.call('HGET', 'ceos:agent:' .. agent, 'run') == run then
    redis.call('HSET', 'ceos:agent:' .. agent, 'run', '')
    if not is_held(redis.call('HGET', 'ceos:agent:' .. agent, 'state')) then enter(agent, 'sleeping', run, '') end
  end
  next_mention(agent)
  local waiting = first_in_line(agent)
  if waiting then redis.call('ZADD', 'ceos:open', 'XX', now(), waiting) end
end

-- Counts the end of a slot of the schedule; other posts are not counted.
local function tally(agent, slot, what, count)
  slot = tonumber(slot)
  if slot then redis.call('HINCRBY', 'ceos:tally:' .. agent, math.floor(slot / 86400000) .. ':' .. what, count) end
end

local function record_missed(agent, slot, reason)
  tally(agent, slot, 'missed', 1)
  redis.call('LPUSH', 'ceos:missed:' .. agent, cjson.encode({slot, reason}))
  redis.call('LTRIM', 'ceos:missed:' .. agent, 0, HISTORY - 1)
  redis.call('HINCRBY', 'ceos:agent:' .. agent, 'missed', 1)
end

-- Ends the run. Failures count against the agent, and the third in a row stops it; with 0 failures allowed this one does not
-- count, and with 'none' it stops the agent at once. Those of mentions do not count either, because third parties must not be
-- able to stop an agent.
local function end_run(run, status, reason, keep_seconds, failures_allowed)
  local key = 'ceos:run:' .. run
  local agent = agent_of(run)
  local state_key = 'ceos:agent:' .. agent
  local at = now()
  redis.call('HSET', key, 'was', redis.call('HGET', key, 'st'), 'st', status, 'why', reason, 'end', at)
  redis.call('HDEL', key, 'token', 'lease', 'd')
  redis.call('EXPIRE', key, keep_seconds)
  redis.call('EXPIRE', 'ceos:draft:' .. run, keep_seconds)
  redis.call('ZREM', 'ceos:review', run)
  give_back_places(agent, run, 0)
  if is_mention(run) then
    redis.call('EXPIRE', 'ceos:mention:' .. run, keep_seconds)
    count_mention(status)
  end
  local state = redis.call('HGET', state_key, 'state')
  if not state then
    redis.call('ZREM', 'ceos:open', run)
    redis.call('DEL', 'ceos:queue:' .. agent)
    return
  end
  -- A strategy that stays quiet misses nothing.
  local is_quiet = status == 'missed' and string.sub(reason, 1, 7) ~= 'late by'
  tally(agent, slot_of(run), is_quiet and 'quiet' or status == 'partial' and 'failed' or status, 1)
  if status == 'failed' or status == 'partial' then
    redis.call('ZADD', 'ceos:dead', at, run)
    redis.call('ZREMRANGEBYSCORE', 'ceos:dead', '-inf', at - keep_seconds * 1000)
    local stops = failures_allowed == 'none'
    -- Another account has published a part of it, on which nothing of the agent's can follow.
    if stops then redis.call('HSET', key, 'wrong', 1) end
    local counts = not stops and tonumber(failures_allowed) > 0 and not is_mention(run) and not is_retraction(run)
    local failures = not counts and 0 or redis.call('HINCRBY', state_key, 'failures', 1)
    release_agent(agent, run)
    stops = stops or failures > 0 and failures >= tonumber(failures_allowed)
    if stops and move(agent, 'error', run, reason) then
      redis.call('HSET', state_key, 'reason', reason)
    end
  else
    if status == 'published' and not is_mention(run) then
      local slot = tonumber(slot_of(run))
      local mark = tonumber(redis.call('HGET', state_key, 'done') or '0')
      if slot and slot > mark then redis.call('HSET', state_key, 'done', slot_of(run)) end
      redis.call('HSET', state_key, 'failures', 0)
    end
    release_agent(agent, run)
  end
end

-- Records whether an agent follows trends; while none does, none are read.
local function follow_trends(agent, cares)
  if cares then
    redis.call('SADD', 'ceos:trends:agents', agent)
    redis.call('SET', 'ceos:trends:due', 0, 'NX')
  else
    redis.call('SREM', 'ceos:trends:agents', agent)
    if redis.call('EXISTS', 'ceos:trends:agents') == 0 then redis.call('DEL', 'ceos:trends:due') end
  end
end
