-- Shared by every script; connection.py puts it in front of each, after LEGAL (' old>new ' for every legal change), FINAL (' status '
-- for every end) and STAGE (' status=stage ') made from lifecycle.py. They are strings, for a table would be built at every call.
-- The map of the keys is at the top of store.py. Time is Redis's own: the clocks of the workers need not agree.
-- Every script may be executed twice with the same arguments, because the client library may resend it.

local HISTORY = 50
local HOLD_MS = 30000
-- What listeners have not heard yet: at most this many changes, for this many seconds.
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

local function agent_of(run)
  return string.match(run, '^[^:]+')
end

local function slot_of(run)
  return string.sub(run, #agent_of(run) + 2)
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

-- As move, but by way of idle where there is no direct way: out of sleep, or out of a state that its run abandoned.
local function enter(agent, new, run, reason)
  if move(agent, new, run, reason) then return true end
  return move(agent, 'idle', run, reason) and move(agent, new, run, '')
end

local function is_held(state)
  return state == 'paused' or state == 'error'
end

-- Creates the run unless it exists, and lines it up. Returns whether it is new.
local function open_run(agent, slot, status)
  local run = agent .. ':' .. slot
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

-- Returns the run whose turn it is: the one that owns the agent, or else the one that was opened first.
local function first_in_line(agent, owner)
  if owner and owner ~= '' and redis.call('ZSCORE', 'ceos:open', owner) then return owner end
  for _, run in ipairs(redis.call('ZRANGE', 'ceos:queue:' .. agent, 0, -1)) do
    if redis.call('ZSCORE', 'ceos:open', run) then return run end
  end
end

-- Lets go of the agent and calls the run that waits next in its line.
local function release_agent(agent, run)
  redis.call('ZREM', 'ceos:open', run)
  redis.call('ZREM', 'ceos:queue:' .. agent, run)
  if redis.call('HGET', 'ceos:agent:' .. agent, 'run') == run then
    redis.call('HSET', 'ceos:agent:' .. agent, 'run', '')
    if not is_held(redis.call('HGET', 'ceos:agent:' .. agent, 'state')) then enter(agent, 'sleeping', run, '') end
  end
  local waiting = redis.call('ZRANGE', 'ceos:queue:' .. agent, 0, 0)[1]
  if waiting then redis.call('ZADD', 'ceos:open', 'XX', now(), waiting) end
end

local function record_missed(agent, slot, reason)
  redis.call('LPUSH', 'ceos:missed:' .. agent, cjson.encode({slot, reason}))
  redis.call('LTRIM', 'ceos:missed:' .. agent, 0, HISTORY - 1)
  redis.call('HINCRBY', 'ceos:agent:' .. agent, 'missed', 1)
end

-- Ends the run. A failure counts against the agent; the third in a row stops it.
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
  local state = redis.call('HGET', state_key, 'state')
  if not state then
    redis.call('ZREM', 'ceos:open', run)
    redis.call('DEL', 'ceos:queue:' .. agent)
    return
  end
  if status == 'failed' or status == 'partial' then
    redis.call('ZADD', 'ceos:dead', at, run)
    redis.call('ZREMRANGEBYSCORE', 'ceos:dead', '-inf', at - keep_seconds * 1000)
    local failures = redis.call('HINCRBY', state_key, 'failures', 1)
    release_agent(agent, run)
    if failures >= tonumber(failures_allowed) and move(agent, 'error', run, reason) then
      redis.call('HSET', state_key, 'reason', reason)
    end
  else
    if status == 'published' then
      local slot = tonumber(slot_of(run))
      local mark = tonumber(redis.call('HGET', state_key, 'done') or '0')
      if slot and slot > mark then redis.call('HSET', state_key, 'done', slot_of(run)) end
      redis.call('HSET', state_key, 'failures', 0)
    end
    release_agent(agent, run)
  end
end
