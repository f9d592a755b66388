// What has to be true at the end, as k6's thresholds, so that its exit code says it: 0, or 99. Some of them judge nothing and
// are there because k6 shows the parts of a metric only where a threshold names them. Pure.

import { ROUTES, SHOWN } from './statuses.js';

// 99 of 100 answers within so many milliseconds, on a machine that the generator has half of. An order waits for a batch and an
// fsync, a look does not; who is told "sold out" is told so at once (P15 of the performance goals).
const P99_MS = { page: 400, availability: 250, order: 400, buy: 1000 };
const REFUSAL_P99_MS = 400;
/** Above this share of visits that did not come in time, the run says nothing about the system. */
export const MOST_DROPPED = 0.05;
/** Below this one, it says what it seems to say. */
export const HARDLY_DROPPED = 0.001;

/** The laws by their names in `/audit`. */
export const LAWS = ['NeverOversold', 'OneFate', 'EveryPromiseDecided', 'KeyIsOrder', 'NothingLeaks', 'LimitsHold', 'MoneyAdds', 'HoldsAreFair'];

export function limit_ms(route, state) {
  return route === 'buy' && state !== 'selling' ? REFUSAL_P99_MS : P99_MS[route];
}

/** A threshold on the time of answers; in an invalid run nobody can tell whose time it was. */
export function isLatency(metric) {
  return metric.startsWith('http_req_duration');
}

export function thresholds(planned, settings) {
  const shown = ['count>=0'];
  const all = {
    // The generator's.
    dropped_iterations: [`count<=${Math.floor(planned.visits * MOST_DROPPED)}`],
    // The system's.
    checks: ['rate==1'],
    answers_unexpected: ['count==0'],
    answers_missing: [`rate<=${settings.unanswered}`],
    audits: ['count>=1'],
    laws_broken: ['count==0'],
    laws_not_judged: ['count==0'],
    orders_in_flight: ['value==0'],
    // Tickets promised less tickets sold: more than 0 were lost.
    promises_lost: ['count<=0'],
    // Tickets sold less those promised or of unknown outcome: more than 0 came from nowhere.
    tickets_unexplained: ['count<=0'],
  };
  for (const law of LAWS) all[`laws_broken{law:${law}}`] = shown;
  for (const { name, state } of planned.phases) {
    all[`iterations{scenario:${name}}`] = shown;
    all[`dropped_iterations{scenario:${name}}`] = shown;
    for (const status of SHOWN) all[`http_reqs{phase:${name},status:${status}}`] = shown;
    for (const route of ROUTES) {
      all[`http_req_duration{phase:${name},name:${route}}`] = [`p(99)<${limit_ms(route, state) * settings.latencyScale}`];
    }
  }
  for (let slice = 0; slice < planned.slices; slice += 1) {
    all[`answer_time{slice:${slice}}`] = ['max>=0'];
    all[`units_promised{slice:${slice}}`] = shown;
  }
  return all;
}
