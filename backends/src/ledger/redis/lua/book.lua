-- What every script of a pool begins with: the pool's head, the ledger's clock, and whether its book is open.
--
-- KEYS[1] is the pool's head, `{prefix:pool}:head`; every other key begins like it and so lies in the same slot.
-- ARGV[1] begins with 8 bytes: the time to use in tests, or -1. Numbers on the wire are little-endian integers below 2^53;
-- ids, buyers and fingerprints are opaque bytes, because a number here is a double.
-- ARGV[2] is the channel on which changes are told.

local pack, unpack_bytes, call = struct.pack, struct.unpack, redis.call

local HEAD = '<i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8c40'
local FIELDS = {
  'latest', 'is_open', 'epoch', 'opened_at', 'opened_version', 'virgin', 'backlog_until', 'capacity', 'held', 'sold',
  'version', 'opens_at', 'closes_at', 'paused', 'limit', 'revision', 'claimed', 'promised', 'attempts', 'has_buyers',
  'notes_kept', 'segment_length', 'buckets', 'first_segment', 'last_segment', 'in_last', 'dropped_until', 'run',
}
-- A claim: quantity, buyer, fingerprint, made_at (0: at the opening), state, attempt (0: resumed by another request).
local CLAIM = '<I4c8c8I6BI6'
local INTENT, PROMISED, PICKED = 1, 2, 3
local INTENT_LIFE = 30000
-- How far ahead of the ledger's clock an id's own time may lie.
local AHEAD = 120000
local CLOSED, OPEN, LOST = 0, 1, 2
local MOST_UNITS = 4294967295

local function clock()
  local given = unpack_bytes('<i8', ARGV[1])
  if given >= 0 then return given end
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function run_id()
  return string.match(call('INFO', 'server'), 'run_id:(%x+)')
end

local function base() return string.sub(KEYS[1], 1, -5) end

-- Keys of the book of one epoch.
local function name_keys(book)
  local prefix = base() .. string.format('%.0f:', book.epoch)
  book.claims = prefix .. 'claims'
  book.zones = { prefix .. 'intents', prefix .. 'promised', prefix .. 'picked' }
  book.buyers = prefix .. 'buyers'
  book.written = prefix .. 'written'
  book.notes = prefix .. 'n:'
end

-- The head as it is kept, the ledger's time, and the book's standing. The clock never runs back: it stands still instead.
local function look()
  local raw, now = call('GET', KEYS[1]), clock()
  if not raw then return nil, now, CLOSED end
  local book, values = {}, { unpack_bytes(HEAD, raw) }
  for i = 1, #FIELDS do book[FIELDS[i]] = values[i] end
  if now > book.latest then
    book.latest = now
    call('SETRANGE', KEYS[1], 0, pack('<i8', now))
  end
  name_keys(book)
  if book.is_open == 0 then return book, book.latest, CLOSED end
  -- A server that was started since may have lost the last writes, however much it kept.
  if book.run ~= run_id() then return book, book.latest, LOST end
  return book, book.latest, OPEN
end

-- The book if it is open, and the time.
local function open_book()
  local book, now, standing = look()
  if standing == OPEN then return book, now end
  return nil, now
end

local function save(book)
  local values = {}
  for i = 1, #FIELDS do values[i] = book[FIELDS[i]] end
  call('SET', KEYS[1], pack(HEAD, unpack(values)))
end

local function unsold(book) return math.max(0, book.capacity - book.held - book.sold) end
local function free(book) return math.max(0, unsold(book) - book.claimed) end
local function tell() call('PUBLISH', ARGV[2], '') end

local function decode_claim(raw)
  local quantity, buyer, fingerprint, made_at, state, attempt = unpack_bytes(CLAIM, raw)
  return {
    quantity = quantity, buyer = buyer, fingerprint = fingerprint, made_at = made_at, state = state, attempt = attempt,
  }
end

local function encode_claim(claim)
  return pack(CLAIM, claim.quantity, claim.buyer, claim.fingerprint, claim.made_at, claim.state, claim.attempt)
end

-- Claims of ids, by id.
local function read_claims(book, ids)
  local claims = {}
  if #ids == 0 then return claims end
  local raw = call('HMGET', book.claims, unpack(ids))
  for i = 1, #ids do
    if raw[i] then claims[ids[i]] = decode_claim(raw[i]) end
  end
  return claims
end

-- A buyer's units: version of `settled`, settled, claimed.
local BUYER = '<I6I4I4'

local function read_buyers(book, names)
  local units = {}
  if #names == 0 then return units end
  local raw = call('HMGET', book.buyers, unpack(names))
  for i = 1, #names do
    if raw[i] then
      local version, settled, claimed = unpack_bytes(BUYER, raw[i])
      units[names[i]] = { version = version, settled = settled, claimed = claimed }
    end
  end
  return units
end

local function write_buyers(book, units, changed)
  local pairs_to_set = {}
  for buyer in pairs(changed) do
    local of = units[buyer]
    pairs_to_set[#pairs_to_set + 1] = buyer
    pairs_to_set[#pairs_to_set + 1] = pack(BUYER, of.version, of.settled, of.claimed)
  end
  if #pairs_to_set > 0 then
    call('HSET', book.buyers, unpack(pairs_to_set))
    book.has_buyers = 1
  end
end

-- The one place where claims go. `claims` are by id, as read; each of `ids` that is among them is dropped.
local function drop_claims(book, claims, ids)
  local gone, of_state, dropped, names = {}, { {}, {}, {} }, {}, {}
  for _, id in ipairs(ids) do
    local claim = claims[id]
    if claim then
      claims[id] = nil
      gone[#gone + 1], dropped[#dropped + 1], names[#names + 1] = id, claim, claim.buyer
      local zone = of_state[claim.state]
      zone[#zone + 1] = id
      book.claimed = book.claimed - claim.quantity
      if claim.state == PROMISED then book.promised = book.promised - claim.quantity end
    end
  end
  if #gone == 0 then return end
  call('HDEL', book.claims, unpack(gone))
  for state = INTENT, PICKED do
    if #of_state[state] > 0 then call('ZREM', book.zones[state], unpack(of_state[state])) end
  end
  if book.has_buyers == 0 then return end
  local units, changed = read_buyers(book, names), {}
  for _, claim in ipairs(dropped) do
    local of = units[claim.buyer]
    if of then
      of.claimed = math.max(0, of.claimed - claim.quantity)
      changed[claim.buyer] = true
    end
  end
  write_buyers(book, units, changed)
end
