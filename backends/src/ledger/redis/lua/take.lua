-- Takes units of a rate limit (GCRA). KEYS[1]: when the key would have all its units back, in microseconds of Unix time.
-- ARGV[1]: the time to use in tests (ms) or -1, units, burst, per_second. Answers granted, remaining, and when the rest will be
-- there, in microseconds.

local pack, unpack_bytes, call = struct.pack, struct.unpack, redis.call

local now, units, burst, per_second = unpack_bytes('<i8i8i8i8', ARGV[1])
now = now * 1000
if now < 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end
-- Microseconds that a unit takes to come back. Numbers are doubles: exact to a quarter of a microsecond until the year 2255.
local each = 1000000 / per_second
local all = burst * each
-- More than a whole burst can only be owed after the clock was set back, or the quota made smaller: nobody waits for that.
local full_at = math.min(math.max(tonumber(call('GET', KEYS[1])) or now, now), now + all)
local room = math.floor((now + all - full_at) / each + 0.000001)
local granted = math.min(units, room)
if granted > 0 then
  full_at = full_at + granted * each
  call('SET', KEYS[1], string.format('%.3f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
end
local wait = 0
if granted < units then
  wait = math.max(full_at + math.min(units - granted, burst) * each - now - all, 1)
end
return pack('<i8i8i8', granted, room - granted, math.ceil(wait))
