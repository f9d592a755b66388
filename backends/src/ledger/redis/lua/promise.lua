-- Step 3 for a batch: `PoolBook::promise`. Request: id, fingerprint. Answers, a byte each: 0 refused, 255 promised, or the
-- decision's code. Allowed without memory to spare: its message is on the bus, and it moves what is there.

local book, now = open_book()
local ids, fingerprints, at = {}, {}, 9
while at <= #ARGV[1] do
  ids[#ids + 1], fingerprints[#fingerprints + 1], at = unpack_bytes('<c16c8', ARGV[1], at)
end
if not book then return string.rep('\0', #ids) end

local claims, unclaimed = read_claims(book, ids), {}
for _, id in ipairs(ids) do
  if not claims[id] then unclaimed[#unclaimed + 1] = id end
end
local buckets = read_buckets(book, unclaimed)
local answers, sets, moved, promised = {}, {}, {}, {}

local function answer(id, fingerprint)
  local claim = claims[id]
  if not claim then
    local found, noted, decision = find_note(book, buckets[bucket_of(book, id)], id)
    return found and noted == fingerprint and decision or 0
  end
  if claim.fingerprint ~= fingerprint then return 0 end
  if claim.state == PROMISED then return 255 end
  if claim.state ~= INTENT or now > claim.made_at + INTENT_LIFE then return 0 end
  claim.state = PROMISED
  book.promised = book.promised + claim.quantity
  sets[#sets + 1], sets[#sets + 2] = id, encode_claim(claim)
  moved[#moved + 1] = id
  promised[#promised + 1], promised[#promised + 2] = claim.made_at, id
  return 255
end

for i, id in ipairs(ids) do answers[i] = string.char(answer(id, fingerprints[i])) end
if #sets > 0 then
  call('HSET', book.claims, unpack(sets))
  call('ZREM', book.zones[INTENT], unpack(moved))
  call('ZADD', book.zones[PROMISED], unpack(promised))
  save(book)
end
return table.concat(answers)
