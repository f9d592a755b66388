-- Step 6: `PoolBook::pick`. Marks intents past their deadline, at most so many, and answers them with those picked before.
-- The due come first: what cannot be settled must not keep them waiting.

local book, now = open_book()
if not book then return pack('<i8', 0) end
local limit = unpack_bytes('<i8', ARGV[1], 9)
local due = call('ZRANGE', book.zones[INTENT], '-inf', '(' .. string.format('%.0f', now - INTENT_LIFE), 'BYSCORE', 'LIMIT', 0, limit)
local room = limit - #due
local before = room > 0 and call('ZRANGE', book.zones[PICKED], 0, room - 1) or {}
local claims, answers, sets, picked = read_claims(book, due), { pack('<i8', book.epoch) }, {}, {}

local function answer(id, claim)
  answers[#answers + 1] = id .. pack('<I4c8c8', claim.quantity, claim.buyer, claim.fingerprint)
end

for _, id in ipairs(due) do
  local claim = claims[id]
  claim.state = PICKED
  sets[#sets + 1], sets[#sets + 2] = id, encode_claim(claim)
  picked[#picked + 1], picked[#picked + 2] = claim.made_at, id
  answer(id, claim)
end
if #sets > 0 then
  call('HSET', book.claims, unpack(sets))
  call('ZREM', book.zones[INTENT], unpack(due))
  call('ZADD', book.zones[PICKED], unpack(picked))
end
claims = read_claims(book, before)
for _, id in ipairs(before) do answer(id, claims[id]) end
return table.concat(answers)
