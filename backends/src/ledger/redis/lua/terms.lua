-- `PoolBook::set_terms`: epoch, revision, opens_at, closes_at, paused, limit.

local book = open_book()
if not book then return '' end
local epoch, revision, opens_at, closes_at, paused, limit = unpack_bytes('<i8i8i8i8i8i8', ARGV[1], 9)
if epoch == book.epoch and revision >= book.revision then
  book.revision, book.opens_at, book.closes_at, book.paused, book.limit = revision, opens_at, closes_at, paused, limit
  save(book)
  tell()
end
return ''
