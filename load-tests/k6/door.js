// The shop's HTTP, as visitors meet it: the only place that knows addresses, headers and k6's client.

import http from 'k6/http';
import { EXPECTED_ANYWHERE } from './statuses.js';
import { parsed } from './checks.js';

// 202, 409, 425, 429 and 503 are answers. k6 would count every 4xx and 5xx as a failure.
http.setResponseCallback(http.expectedStatuses(...EXPECTED_ANYWHERE));

// A buyer's patience, and longer than any limit of the shop's own.
const TIMEOUT = '15s';

/** `ask.page()`, `.availability(etag)`, `.buy(order, clicks)`, `.order(order)`; `tags()` says what each request is tagged with. */
export function door({ baseUrl, event }, tags, heard) {
  const get = (route, path, headers = {}) => {
    const tagged = tags(route);
    return answer(route, tagged, http.get(baseUrl + path, { headers, timeout: TIMEOUT, redirects: 0, tags: tagged }));
  };
  const answer = (route, tagged, response) => {
    const said = read(route, response);
    heard(said, tagged, response.timings.duration);
    return said;
  };
  return {
    page: () => get('page', `/en/events/${event}`, { Accept: 'text/html' }),
    availability: (etag) => get('availability', '/api/tickets/availability', etag ? { 'If-None-Match': etag } : {}),
    order: (order) => get('order', `/api/orders/${order.key}`),
    buy: (order, clicks) => {
      const tagged = tags('buy');
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': order.key };
      const once = ['POST', `${baseUrl}/api/tickets/buy`, order.body, { headers, timeout: TIMEOUT, redirects: 0, tags: tagged }];
      const responses = clicks === 1 ? [http.post(once[1], once[2], once[3])] : http.batch(Array.from({ length: clicks }, () => once));
      return responses.map((response) => answer('buy', tagged, response));
    },
  };
}

function read(route, { status, body, headers }) {
  // Problem details are short; pages and numbers are read by their checks.
  const code = status >= 400 && body ? parsed({ body })?.code : undefined;
  return {
    route,
    status,
    code,
    body: body ?? '',
    etag: headers.Etag,
    location: headers.Location,
    retryAfter: Number(headers['Retry-After'] ?? 0),
    replayed: headers['Idempotent-Replayed'] === 'true',
  };
}
