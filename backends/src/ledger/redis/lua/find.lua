-- `PoolBook::find`. Answers the pool's standing (2: it may know, but was lost; 3: open, but messages from before its opening
-- may be under way), what is known (0 nothing, 1 an intent, 2 a promise, 3 a note), fingerprint, decision.

local book, now, standing = look()
if standing ~= OPEN then return string.char(standing, 0) end
if now < book.backlog_until then standing = 3 end
local id = string.sub(ARGV[1], 9)
local raw = call('HGET', book.claims, id)
if raw then
  local claim = decode_claim(raw)
  return string.char(standing, claim.state == PROMISED and 2 or 1) .. claim.fingerprint .. '\0'
end
local found, fingerprint, decision = find_note(book, call('GET', bucket_of(book, id)) or '', id)
if found then return string.char(standing, 3) .. fingerprint .. string.char(decision) end
return string.char(standing, 0)
