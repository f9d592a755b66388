-- `PoolBook::claims_older_than`, a page of it: the moment before which, how many to skip, how many at most. Answers ids.

local book, now = open_book()
if not book then return '' end
local age, skip, limit = unpack_bytes('<i8i8i8', ARGV[1], 9)
local before = '(' .. string.format('%.0f', now - age)
local ids = {}

local function take(zone, from)
  if #ids == limit then return end
  local found = call('ZRANGE', zone, from, before, 'BYSCORE', 'LIMIT', skip, limit - #ids)
  for _, id in ipairs(found) do ids[#ids + 1] = id end
  if #found > 0 then skip = 0 else skip = math.max(0, skip - call('ZCOUNT', zone, from, before)) end
end

take(book.zones[INTENT], '-inf')
-- Claims of the opening stand at 0: they are as old as it.
local opening_is_old = book.opened_at < now - age
take(book.zones[PROMISED], opening_is_old and '-inf' or '(0')
take(book.zones[PICKED], '-inf')
return table.concat(ids)
