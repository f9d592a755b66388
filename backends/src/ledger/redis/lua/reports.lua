-- The writers of all processes together: the time, when one was last heard or a pool opened, whether any was, depth, high_water,
-- oldest, per_second, when a word was last heard, then the names of those counted, 16 digits each. Counted are processes heard in the two seconds before the latest word: who has stopped while others go on
-- drops out, and when all fall silent their last word stays.

local pack, unpack_bytes, call = struct.pack, struct.unpack, redis.call
local TOGETHER = 2000

local now = unpack_bytes('<i8', ARGV[1])
if now < 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local fields, heard, opened, words = call('HGETALL', KEYS[1]), 0, 0, {}
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'heard' then heard = tonumber(value)
  elseif name == 'opened' then opened = tonumber(value)
  else words[#words + 1] = { unpack_bytes('<i8i8i8i8i8', value) }; words[#words].name = name end
end
local depth, high_water, oldest, per_second, names = 0, 0, -1, 0, {}
for _, word in ipairs(words) do
  if word[1] >= heard - TOGETHER then
    names[#names + 1] = word.name
    depth, high_water, per_second = depth + word[2], high_water + word[3], per_second + word[5]
    if word[4] >= 0 and (oldest < 0 or word[4] < oldest) then oldest = word[4] end
  end
end
local last = math.max(heard, opened)
table.sort(names)
return pack('<i8i8i8i8i8i8i8', math.max(now, last), last, depth, high_water, oldest, per_second, heard) .. table.concat(names)
