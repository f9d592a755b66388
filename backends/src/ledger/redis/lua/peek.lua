-- The numbers of a pool: its standing, the time, and if it is open version, capacity, held, sold, claimed, promised, claims,
-- epoch, revision, and when it was opened. On the way a little of what closed books have left is thrown away.

local A_LITTLE = 256

local function tidy()
  local debris = base() .. 'debris'
  local oldest = call('LINDEX', debris, 0)
  if not oldest then return end
  local epoch, buckets, from = unpack_bytes('<i8i8i8', oldest)
  local prefix, names = base() .. string.format('%.0f:n:', epoch), {}
  for bucket = from, math.min(buckets, from + A_LITTLE) - 1 do names[#names + 1] = prefix .. bucket end
  if #names > 0 then call('UNLINK', unpack(names)) end
  if from + A_LITTLE < buckets then
    call('LSET', debris, 0, pack('<i8i8i8', epoch, buckets, from + A_LITTLE))
  else
    call('LPOP', debris)
  end
end

tidy()
local book, now, standing = look()
if standing ~= OPEN then return pack('<Bi8', standing, now) end
return pack('<Bi8i8i8i8i8i8i8i8i8i8i8', standing, now, book.version, book.capacity, book.held, book.sold, book.claimed,
  book.promised, call('HLEN', book.claims), book.epoch, book.revision, book.opened_at)
