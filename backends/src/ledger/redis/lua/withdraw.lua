-- Step 2, what the bus was never given: `PoolBook::withdraw`. Request: id, high and low half of the attempt, which counts from
-- the epoch's 2^32. Gives memory back.

local book, now = open_book()
if not book then return '' end
local ids, attempts, at = {}, {}, 9
while at <= #ARGV[1] do
  local high, low
  ids[#ids + 1], high, low, at = unpack_bytes('<c16I4I4', ARGV[1], at)
  attempts[#ids] = (high - book.epoch) * 4294967296 + low
end
local claims, mine, was_free = read_claims(book, ids), {}, free(book)
for i, id in ipairs(ids) do
  local claim = claims[id]
  if claim and claim.state == INTENT and claim.attempt == attempts[i] and claim.attempt ~= 0
    and now <= claim.made_at + INTENT_LIFE then
    mine[#mine + 1] = id
  end
end
if #mine > 0 then
  drop_claims(book, claims, mine)
  save(book)
  if was_free == 0 and free(book) > 0 then tell() end
end
return ''
