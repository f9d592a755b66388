-- Step 7: `PoolBook::open`. What is large (claims, buyers) has been loaded into keys of the load's own name, ARGV[3]; here it is
-- counted, renamed and made visible at once. Answers 1 opened, 0 ignored, 2 the load is not whole.

local earlier, now, standing = look()
local load = base() .. 'load:' .. ARGV[3] .. ':'
local LOADED = { claims = load .. 'claims', promised = load .. 'promised', buyers = load .. 'buyers' }

local opening = { run = run_id(), latest = now, is_open = 1, opened_at = now, attempts = 0 }
local backlog_life, claims, buyers
opening.epoch, opening.version, opening.capacity, opening.held, opening.sold, opening.opens_at, opening.closes_at,
  opening.paused, opening.limit, opening.revision, opening.virgin, backlog_life, opening.claimed, claims, buyers,
  opening.notes_kept, opening.segment_length, opening.buckets =
  unpack_bytes('<i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8', ARGV[1], 9)

if standing == OPEN or (earlier and earlier.epoch >= opening.epoch) then
  call('UNLINK', LOADED.claims, LOADED.promised, LOADED.buyers)
  return '\0'
end
if call('HLEN', LOADED.claims) ~= claims or call('ZCARD', LOADED.promised) ~= claims
  or call('HLEN', LOADED.buyers) ~= buyers then
  call('UNLINK', LOADED.claims, LOADED.promised, LOADED.buyers)
  return '\2'
end
if standing == LOST then discard(earlier) end

opening.opened_version, opening.promised = opening.version, opening.claimed
opening.backlog_until = backlog_life >= 0 and now + backlog_life or -1
opening.has_buyers = buyers > 0 and 1 or 0
opening.first_segment, opening.last_segment, opening.in_last, opening.dropped_until = 1, 0, 0, -1
name_keys(opening)
local function adopt(loaded, key)
  call('RENAME', loaded, key)
  call('PERSIST', key)
end
if claims > 0 then
  adopt(LOADED.claims, opening.claims)
  adopt(LOADED.promised, opening.zones[PROMISED])
end
if buyers > 0 then adopt(LOADED.buyers, opening.buyers) end
save(opening)
tell()
return '\1'
