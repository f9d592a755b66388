// A shop of a few lines, with what can go wrong, for visits without k6: and a visitor who comes to it.

import { visitorOf } from '../visitor.js';

/** `says(n, order)` may answer the n-th attempt to buy itself; else 202. Keeps what came in `posts`, `sleeps`, `books`, `failed`. */
export function visitTo({ says = () => undefined, status = 'confirmed', random = () => 0.5, settings = {} } = {}) {
  const known = new Set();
  const seen = { posts: [], sleeps: [], requests: 0, failed: [], books: { asked: 0, promised: 0, refused: 0, repeated: 0 } };
  const answered = (answer) => ((seen.requests += 1), { body: '', retryAfter: 0, ...answer });
  const taken = (order) => {
    const replayed = known.has(order.key);
    known.add(order.key);
    const statusUrl = `/api/orders/${order.key}`;
    return { status: 202, replayed, location: statusUrl, body: JSON.stringify({ orderId: order.key, quantity: order.quantity, status: 'pending', statusUrl }) };
  };
  const one = (order) => {
    seen.posts.push(order);
    return answered(says(seen.posts.length, order) ?? taken(order));
  };
  const ask = {
    page: () => answered({ status: 200, body: '<h1>Festival</h1></html>' }),
    availability: (etag) => answered(etag ? { status: 304, etag } : { status: 200, etag: '"1"', body: '{"available":5,"total":9}' }),
    order: (order) => answered({ status: 200, body: JSON.stringify({ orderId: order.key, status }) }),
    buy: (order, clicks) => Array.from({ length: clicks }, () => one(order)),
  };
  const book = {
    asked: (units) => (seen.books.asked += units),
    answered: ({ replayed }) => (seen.books.repeated += replayed ? 1 : 0),
    promised: (units) => (seen.books.promised += units),
    refused: (units) => (seen.books.refused += units),
    confirmedWithin: () => {},
  };
  let now = Date.UTC(2027, 0, 1);
  const visitor = visitorOf({
    ask, book, random,
    name: 'eva',
    now: () => now,
    check: (what, so) => so || seen.failed.push(what),
    sleep: (seconds) => {
      now += seconds * 1000;
      seen.sleeps.push(seconds);
    },
    settings: { timeScale: 1, patience: 5, ...settings },
  });
  return { visitor, seen };
}

export const SOLD_OUT = { status: 409, code: 'sold_out' };
export const BEHIND = { status: 503, code: 'writers_behind', retryAfter: 2 };
export const NOT_OPEN = { status: 425, code: 'not_open', retryAfter: 3 };
export const UNKNOWN = { status: 503, code: 'unknown', retryAfter: 2 };
export const SILENCE = { status: 0 };
