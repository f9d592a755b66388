// Idempotency keys: UUIDv7 (RFC 9562). The key is the order's id, so a fresh one is a new order and the same one never is.

/** A fresh key: 48 bits of time in milliseconds, 74 of chance. `random` gives numbers in [0, 1). */
export function freshKey(now_ms, random) {
  const time = now_ms.toString(16).padStart(12, '0');
  const variant = '89ab'[Math.floor(random() * 4)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3, random)}-${variant}${hex(3, random)}-${hex(6, random)}${hex(6, random)}`;
}

function hex(digits, random) {
  return Math.floor(random() * 16 ** digits).toString(16).padStart(digits, '0');
}
