-- Step 1 for a batch: `PoolBook::claim`.
-- Request: id, quantity, buyer, fingerprint, whether it was looked up, by which epoch, asked when.
-- Answers, 17 bytes each after a 1 and the epoch: which, and two numbers. A single 0: the pool is not open.

local REQUEST = '<c16I4c8c8Bi8i8'
local CLAIMED, RESUMED, ALREADY_PROMISED, DECIDED, EXPIRING, LOOK_UP_FIRST, NOT_YET = 1, 2, 3, 4, 5, 6, 7
local KEY_REUSED, NOT_OPEN, SALE_OVER, PAUSED, LIMIT_REACHED, SOLD_OUT = 10, 11, 12, 13, 14, 15

local book, now = open_book()
if not book then return '\0' end

local requests, ids, names, at = {}, {}, {}, 9
while at <= #ARGV[1] do
  local id, quantity, buyer, fingerprint, looked, epoch, asked_at, after = unpack_bytes(REQUEST, ARGV[1], at)
  local n = #ids + 1
  -- A table made with its fields is made once; one that is given them grows three times.
  requests[n], ids[n], names[n], at = {
    id = id, quantity = quantity, buyer = buyer, fingerprint = fingerprint, looked = looked, epoch = epoch,
    asked_at = asked_at,
  }, id, buyer, after
end
local claims = read_claims(book, ids)
local unclaimed = {}
for _, id in ipairs(ids) do
  if not claims[id] then unclaimed[#unclaimed + 1] = id end
end
local buckets = read_buckets(book, unclaimed)
local units = book.limit >= 0 and read_buyers(book, names) or {}
local changed_claims, changed_buyers, added = {}, {}, {}

local function known(r)
  local claim = claims[r.id]
  if claim then
    if claim.fingerprint ~= r.fingerprint then return KEY_REUSED end
    if claim.state == PROMISED then return ALREADY_PROMISED end
    if claim.state == INTENT and now <= claim.made_at + INTENT_LIFE then
      if claim.attempt ~= 0 then
        claim.attempt = 0
        changed_claims[r.id] = true
      end
      return RESUMED
    end
    return EXPIRING
  end
  local found, fingerprint, decision = find_note(book, buckets[bucket_of(book, r.id)], r.id)
  if not found then return nil end
  if fingerprint ~= r.fingerprint then return KEY_REUSED end
  return DECIDED, decision
end

local function is_from_before_the_opening(own)
  return book.virgin == 0 and own <= book.opened_at
end

local function may_be_forgotten(r, own)
  local before_drop = book.dropped_until >= 0 and own <= book.dropped_until
  if not is_from_before_the_opening(own) and not before_drop then return false end
  local still_good = r.looked == 1 and r.epoch == book.epoch
    and (book.dropped_until < 0 or book.dropped_until < r.asked_at)
  return not still_good
end

local function refuses(r)
  if now >= book.closes_at then return SALE_OVER end
  if book.paused == 1 then return PAUSED end
  if book.limit >= 0 then
    local of = units[r.buyer]
    local taken = of and math.min(MOST_UNITS, of.settled + of.claimed) or 0
    if math.min(MOST_UNITS, taken + r.quantity) > book.limit then return LIMIT_REACHED, book.limit, taken end
  end
  local left = free(book)
  -- What is held comes back as what is claimed does.
  if left < r.quantity then return SOLD_OUT, left, math.min(MOST_UNITS, book.claimed + book.held) end
end

local function add(r)
  book.attempts = book.attempts + 1
  book.claimed = book.claimed + r.quantity
  if book.limit >= 0 then
    local of = units[r.buyer] or { version = book.opened_version, settled = 0, claimed = 0 }
    of.claimed = of.claimed + r.quantity
    units[r.buyer], changed_buyers[r.buyer] = of, true
  end
  claims[r.id] = {
    quantity = r.quantity, buyer = r.buyer, fingerprint = r.fingerprint, made_at = now, state = INTENT,
    attempt = book.attempts,
  }
  changed_claims[r.id] = true
  added[#added + 1], added[#added + 2] = now, r.id
  return CLAIMED, book.attempts
end

local function answer(r)
  local which, a, b = known(r)
  if which then return which, a, b end
  if now < book.opens_at then return NOT_OPEN, book.opens_at end
  local own = unpack_bytes('>I6', r.id, 9) - AHEAD
  if may_be_forgotten(r, own) then return LOOK_UP_FIRST, book.epoch, now end
  if now < book.backlog_until and is_from_before_the_opening(own) then return NOT_YET end
  which, a, b = refuses(r)
  if which then return which, a, b end
  return add(r)
end

local was_free = free(book)
local answers = { '\1', pack('<i8', book.epoch) }
for _, r in ipairs(requests) do
  local which, a, b = answer(r)
  answers[#answers + 1] = pack('<Bi8i8', which, a or 0, b or 0)
end

local sets = {}
for id in pairs(changed_claims) do
  sets[#sets + 1], sets[#sets + 2] = id, encode_claim(claims[id])
end
if #sets > 0 then call('HSET', book.claims, unpack(sets)) end
if #added > 0 then
  call('ZADD', book.zones[INTENT], unpack(added))
  write_buyers(book, units, changed_buyers)
  save(book)
  if was_free > 0 and free(book) == 0 then tell() end
end
return table.concat(answers)
