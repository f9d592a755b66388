// Which answers are answers, and what one says about an order. Pure.

/** The statuses each route may answer with. Refusals and "not now" are answers; all others are the system's fault. */
export const EXPECTED = {
  page: [200, 429, 503],
  availability: [200, 304, 429, 503],
  buy: [202, 409, 425, 429, 503],
  // 404 is not among them: who asks was promised this order.
  order: [200, 429, 503],
};

export const ROUTES = Object.keys(EXPECTED);

/** Everything expected anywhere, and what is worth a column when it comes: 0 is no answer at all. */
export const EXPECTED_ANYWHERE = [...new Set(Object.values(EXPECTED).flat())].sort();
export const SHOWN = [...EXPECTED_ANYWHERE, 0, 400, 404, 408, 422, 500, 502, 504];

/**
 * `answered`, `unanswered` (a timeout, a connection that broke: nobody knows what it did) or `unexpected`. A bare 408 is no answer
 * either: it was sent because a connection that k6 had opened in reserve was silent for seconds, and crossed with a request.
 */
export function kind(route, { status, code }) {
  if (status === 0 || (status === 408 && !code)) return 'unanswered';
  return EXPECTED[route].includes(status) ? 'answered' : 'unexpected';
}

/**
 * What an answer to an order says: `promised`, `refused` (nothing was taken) or `unknown`. Unknown is every answer that does
 * not say which: silence, a broken server, a proxy's 503, the shop's own `unknown`. It is never taken for a refusal.
 */
export function outcome({ status, code }) {
  if (status === 202) return 'promised';
  if ([409, 422, 425, 429].includes(status)) return 'refused';
  if (status === 503 && code && code !== 'unknown') return 'refused';
  return 'unknown';
}

/** Whether coming back with the same key can help. */
export function isWorthRepeating({ status }) {
  return [0, 408, 425, 429, 502, 503, 504].includes(status);
}
