-- Throws a book's keys away: at once what is one key, its many buckets of notes little by little (`peek.lua`).

local function discard(book)
  call('UNLINK', book.claims, book.zones[INTENT], book.zones[PROMISED], book.zones[PICKED], book.buyers, book.written)
  if book.last_segment > 0 then call('RPUSH', base() .. 'debris', pack('<i8i8i8', book.epoch, book.buckets, 0)) end
end
