-- Closes a pool whose book is of an earlier epoch than the given one.

local book = open_book()
if not book then return '' end
if book.epoch < unpack_bytes('<i8', ARGV[1], 9) then
  book.is_open = 0
  discard(book)
  save(book)
  tell()
end
return ''
