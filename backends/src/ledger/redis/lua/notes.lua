-- The compact memory of decisions. An order's note stands in the bucket that its id chooses: a string of notes of 28 bytes, in
-- the order of their writing. A note belongs to a segment, and segments are dropped as a whole, the oldest first, by counting
-- `first_segment` up: its notes are gone from then on, and their bytes go when their bucket is next written. So dropping costs
-- nothing at any one moment, and finding costs one bucket, whatever is kept.

local NOTE, NOTE_LENGTH = '<c8BI3', 28

local function bucket_of(book, id)
  local high, low = string.byte(id, 7, 8)
  return book.notes .. (high * 256 + low) % book.buckets
end

-- Buckets of ids, by name.
local function read_buckets(book, ids)
  local names, buckets = {}, {}
  for i, id in ipairs(ids) do names[i] = bucket_of(book, id) end
  if #names == 0 then return buckets end
  local raw = call('MGET', unpack(names))
  for i, name in ipairs(names) do buckets[name] = raw[i] or '' end
  return buckets
end

-- Where the note of an id stands in its bucket, its fingerprint, decision and segment.
local function find_note(book, bucket, id)
  local from = 1
  while true do
    local at = string.find(bucket, id, from, true)
    if not at then return nil end
    if (at - 1) % NOTE_LENGTH ~= 0 then
      from = at + 1
    else
      local fingerprint, decision, segment = unpack_bytes(NOTE, bucket, at + 16)
      if segment >= book.first_segment then return at, fingerprint, decision, segment end
      from = at + NOTE_LENGTH
    end
  end
end

local function without_dropped(book, bucket)
  local from = 1
  while from <= #bucket and unpack_bytes('<I3', bucket, from + 25) < book.first_segment do from = from + NOTE_LENGTH end
  if from == 1 then return bucket end
  return string.sub(bucket, from)
end

-- The segment that the next note goes to; drops the oldest when there are enough. `written` are segments written by this call.
local function next_segment(book, written, now)
  local segments = book.last_segment - book.first_segment + 1
  if segments == 0 or book.in_last >= book.segment_length then
    if segments > 0 and segments * book.segment_length >= book.notes_kept then
      local oldest = book.first_segment
      local last_written = written[oldest] and now or tonumber(call('HGET', book.written, oldest))
      call('HDEL', book.written, oldest)
      written[oldest] = nil
      book.dropped_until = math.max(book.dropped_until, last_written)
      book.first_segment = oldest + 1
    end
    book.last_segment, book.in_last = book.last_segment + 1, 0
  end
  book.in_last = book.in_last + 1
  return book.last_segment
end

-- Writes or replaces notes; `notes` are { id, fingerprint, decision }.
local function write_notes(book, notes, now)
  local ids, written, changed = {}, {}, {}
  for i, note in ipairs(notes) do ids[i] = note[1] end
  local buckets = read_buckets(book, ids)
  for _, note in ipairs(notes) do
    local id, name = note[1], bucket_of(book, note[1])
    local bucket = buckets[name]
    local at, _, _, segment = find_note(book, bucket, id)
    if at then
      local text = id .. pack(NOTE, note[2], note[3], segment)
      bucket = string.sub(bucket, 1, at - 1) .. text .. string.sub(bucket, at + NOTE_LENGTH)
    else
      segment = next_segment(book, written, now)
      bucket = without_dropped(book, bucket) .. id .. pack(NOTE, note[2], note[3], segment)
    end
    written[segment], changed[name], buckets[name] = true, true, bucket
  end
  local sets, times = {}, {}
  for name in pairs(changed) do
    sets[#sets + 1], sets[#sets + 2] = name, buckets[name]
  end
  for segment in pairs(written) do
    times[#times + 1], times[#times + 2] = segment, now
  end
  if #sets > 0 then
    call('MSET', unpack(sets))
    call('HSET', book.written, unpack(times))
  end
end
