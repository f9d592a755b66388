// What k6 hands to `handleSummary`, as figures with names of the field. Pure.

import { ROUTES, SHOWN } from './statuses.js';
import { LAWS } from './thresholds.js';

/** Everything report and verdict speak of. */
export function figures(k6, planned) {
  if (!k6.metrics) throw new Error('this k6 hands over no metrics by name: an older or newer version than these scripts know');
  const value = (metric, of) => k6.metrics[metric]?.values?.[of] ?? 0;
  const count = (metric) => value(metric, 'count');
  const asked = count('units_asked');
  const promised = count('units_promised');
  const refused = count('units_refused');
  return {
    arrivals: { planned: planned.visits, begun: count('iterations'), dropped: count('dropped_iterations') },
    units: { asked, promised, refused, unknown: asked - promised - refused },
    orders: { promised: count('orders_promised'), replayed: count('orders_replayed') },
    confirmed: latency(value, 'promise_to_confirmed'),
    audit: {
      made: count('audits') > 0,
      sold: count('units_sold'),
      broken: brokenLaws(count),
      notJudged: count('laws_not_judged'),
      inFlight: value('orders_in_flight', 'value'),
      quietAfter_s: value('quiet_after', 'value'),
    },
    answers: { all: count('http_reqs'), unexpected: count('answers_unexpected'), missing: value('answers_missing', 'passes') },
    checks: checksOf(k6.root_group),
    breached: breached(k6.metrics),
    phases: planned.phases.map((phase) => phaseOf(phase, value, count)),
    curve: curveOf(planned, value, count),
    began_ms: value('began', 'value'),
  };
}

function brokenLaws(count) {
  const named = LAWS.filter((law) => count(`laws_broken{law:${law}}`));
  // A law that these scripts do not know by name is a law.
  return named.length || !count('laws_broken') ? named : ['one without a name here'];
}

function checksOf(group) {
  const inner = (group?.groups ?? []).flatMap(checksOf);
  return [...(group?.checks ?? []).map(({ name, passes, fails }) => ({ name, passes, fails })), ...inner];
}

/** The thresholds that were not met: `metric` alone where it has one, else with what was wanted. */
function breached(metrics) {
  return Object.entries(metrics).flatMap(([name, { thresholds }]) =>
    Object.entries(thresholds ?? {}).filter(([, { ok }]) => !ok).map(([wanted]) => (name.startsWith('http_req_duration') ? `${name} ${wanted}` : name)));
}

function phaseOf(phase, value, count) {
  const { name, seconds, requestsPerSecond } = phase;
  const statuses = SHOWN.map((status) => [status, count(`http_reqs{phase:${name},status:${status}}`)]).filter(([, times]) => times);
  const requests = statuses.reduce((sum, [, times]) => sum + times, 0);
  const routes = ROUTES.map((route) => [route, latency(value, `http_req_duration{phase:${name},name:${route}}`)]).filter(([, { times }]) => times);
  return {
    name,
    start_s: phase.start_s,
    seconds,
    wantedPerSecond: requestsPerSecond,
    seenPerSecond: requests / seconds,
    visits: count(`iterations{scenario:${name}}`),
    dropped: count(`dropped_iterations{scenario:${name}}`),
    statuses: Object.fromEntries(statuses),
    routes: Object.fromEntries(routes),
  };
}

function latency(value, metric) {
  return { times: value(metric, 'count'), p50_ms: value(metric, 'med'), p95_ms: value(metric, 'p(95)'), p99_ms: value(metric, 'p(99)'), max_ms: value(metric, 'max') };
}

/** A point a slice of time: what the visitors saw. */
function curveOf(planned, value, count) {
  let promised = 0;
  return Array.from({ length: planned.slices }, (_, slice) => {
    const seen = latency(value, `answer_time{slice:${slice}}`);
    promised += count(`units_promised{slice:${slice}}`);
    // Rates and times are of the whole slice, sums of its end.
    const [at_s, until_s] = [(slice + 0.5) * planned.slice_s, Math.min(planned.seconds, (slice + 1) * planned.slice_s)];
    return { at_s, until_s, perSecond: seen.times / planned.slice_s, p50_ms: seen.p50_ms, p99_ms: seen.p99_ms, promised };
  });
}
