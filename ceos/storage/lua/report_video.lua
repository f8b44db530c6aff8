-- REPORT_VIDEO: wake a run because its video has ended. ARGV: run, key, id of the job. Returns 'ok' or the reason why not.
local run, given, job_id = unpack(ARGV)
local key = 'ceos:run:' .. run
local record = redis.call('HGET', key, 'video')
if not record then return 'unknown' end
local video = cjson.decode(record)
if video.key == '' or video.key ~= given then return 'forged' end
if type(video.job) == 'table' and video.job.request_id ~= job_id then return 'another' end
if stage_of(redis.call('HGET', key, 'st')) ~= 'illustrate' then return 'known' end
redis.call('HSETNX', key, 'vtold', job_id)
-- A worker that has the lease asks anyway, and the entry in `open` is the end of its lease.
if redis.call('HEXISTS', key, 'lease') == 0 then redis.call('ZADD', 'ceos:open', 'XX', 'LT', now(), run) end
return 'ok'
