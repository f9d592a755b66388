-- Keeps the word of one process's writers, ARGV[3], or that a pool was opened. KEYS[1]: `{prefix:reports}`. ARGV[1]: the time to
-- use in tests or -1, whether it is a report, depth, high_water, oldest (-1: none), per_second.

local pack, unpack_bytes, call = struct.pack, struct.unpack, redis.call
-- A process that is gone is forgotten after this long.
local FORGOTTEN_AFTER = 60000

local now, is_report, depth, high_water, oldest, per_second = unpack_bytes('<i8i8i8i8i8i8', ARGV[1])
if now < 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local times = call('HMGET', KEYS[1], 'heard', 'opened')
now = math.max(now, tonumber(times[1] or 0), tonumber(times[2] or 0))
local time = string.format('%.0f', now)
if is_report == 0 then
  call('HSET', KEYS[1], 'opened', time)
  return ''
end
call('HSET', KEYS[1], 'heard', time, ARGV[3], pack('<i8i8i8i8i8', now, depth, high_water, oldest, per_second))
local fields = call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name ~= 'heard' and name ~= 'opened' and unpack_bytes('<i8', value) < now - FORGOTTEN_AFTER then
    call('HDEL', KEYS[1], name)
  end
end
return ''
