-- Takes tickets for an order, once: the order's key is kept for a day. What is taken is on the stream in the same step, so
-- nothing is taken and then forgotten while Redis lives.
-- KEYS: free tickets, the order, the stream.  ARGV: id, quantity, user, time in milliseconds.
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
local quantity = tonumber(ARGV[2])
local free = tonumber(redis.call('GET', KEYS[1]))
if free == nil or free < quantity then return 0 end
redis.call('DECRBY', KEYS[1], quantity)
redis.call('SET', KEYS[2], ARGV[3], 'EX', 86400)
redis.call('XADD', KEYS[3], '*', 'i', ARGV[1], 'q', ARGV[2], 'u', ARGV[3], 't', ARGV[4])
return 1
