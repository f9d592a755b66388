-- Step 5: `PoolBook::settle`. The pool's version, capacity, held, sold; how many buyers; buyers with their units; the decided:
-- id, fingerprint, decision. Answers how many promises it broke, and how many perhaps because an earlier book was lost; -1 twice when
-- the pool is not open. Must go on without memory to
-- spare: it drops claims, which are larger than the notes it leaves.

local CONFIRMED, RESERVED, REJECTED_SOLD_OUT, REJECTED_LIMIT = 1, 6, 2, 5

local book, now = open_book()
if not book then return pack('<i8i8', -1, -1) end

local version, capacity, held, sold, buyers, at = unpack_bytes('<i8i8i8i8i8', ARGV[1], 9)
if version > book.version then
  book.version, book.capacity, book.held, book.sold = version, capacity, held, sold
end

local names, settled = {}, {}
for i = 1, buyers do
  names[i], settled[i], at = unpack_bytes('<c8I4', ARGV[1], at)
end
if book.limit >= 0 and buyers > 0 then
  local units, changed = read_buyers(book, names), {}
  for i, buyer in ipairs(names) do
    local of = units[buyer] or { version = book.opened_version, settled = 0, claimed = 0 }
    if version > of.version then
      of.version, of.settled = version, settled[i]
      units[buyer], changed[buyer] = of, true
    end
  end
  write_buyers(book, units, changed)
end

local ids, notes = {}, {}
while at <= #ARGV[1] do
  local id, fingerprint, decision
  id, fingerprint, decision, at = unpack_bytes('<c16c8B', ARGV[1], at)
  ids[#ids + 1], notes[#notes + 1] = id, { id, fingerprint, decision }
end
local claims, broken, lost = read_claims(book, ids), 0, 0
for _, note in ipairs(notes) do
  local claim = claims[note[1]]
  local is_kept = (note[3] == CONFIRMED or note[3] == RESERVED) and claim and claim.fingerprint == note[2]
  if claim and claim.state == PROMISED and not is_kept then broken = broken + 1 end
end
-- A rejected order from before the opening of which this book knows nothing: its claim died with the book before.
local function is_old(id)
  local own = unpack_bytes('>I6', id, 9) - AHEAD
  return book.virgin == 0 and own <= book.opened_at and (book.dropped_until < 0 or own > book.dropped_until)
end
local strangers = {}
for _, note in ipairs(notes) do
  local is_rejected = note[3] == REJECTED_SOLD_OUT or note[3] == REJECTED_LIMIT
  if is_rejected and not claims[note[1]] and is_old(note[1]) then strangers[#strangers + 1] = note[1] end
end
local buckets = read_buckets(book, strangers)
for _, id in ipairs(strangers) do
  if not find_note(book, buckets[bucket_of(book, id)], id) then lost = lost + 1 end
end
drop_claims(book, claims, ids)
write_notes(book, notes, now)
save(book)
tell()
return pack('<i8i8', broken, lost)
