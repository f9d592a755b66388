// As little as moves every panel of the dashboard "Load test": k6 itself, by the way in which ops/load sends what it sees.
import { check } from 'k6';
import http from 'k6/http';

const shop = __ENV.BASE_URL;

export const options = {
  scenarios: {
    calm: { executor: 'constant-arrival-rate', rate: 10, timeUnit: '1s', duration: '60s', preAllocatedVUs: 4, exec: 'look' },
    // More than one user can do: some are dropped.
    hurried: { executor: 'constant-arrival-rate', rate: 500, timeUnit: '1s', duration: '60s', preAllocatedVUs: 1, exec: 'look' },
  },
};

export function look() {
  const answer = http.get(`${shop}/api/tickets/availability`);
  check(answer, { 'it answers': (got) => got.status === 200 });
  // Nobody has declared this one: it counts as unexpected.
  if (__ITER % 50 === 0) http.get(`${shop}/api/orders/none`);
}
