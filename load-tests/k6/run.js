// A shape becomes a k6 test: options, and what happens before, during and after it. Each file in shapes/ exports what this makes.

import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import { judge, soldBefore, standing } from './audit.js';
import { oneOf } from './crowd.js';
import { door } from './door.js';
import { plan, scenarios } from './plan.js';
import { report } from './report.js';
import { settings as read } from './settings.js';
import { kind } from './statuses.js';
import { figures } from './summary.js';
import { text } from './text.js';
import { thresholds } from './thresholds.js';
import { inWords, verdict } from './verdict.js';
import { visitorOf } from './visitor.js';

const metrics = {
  unitsAsked: new Counter('units_asked'),
  unitsPromised: new Counter('units_promised'),
  unitsRefused: new Counter('units_refused'),
  ordersPromised: new Counter('orders_promised'),
  ordersReplayed: new Counter('orders_replayed'),
  promisesLost: new Counter('promises_lost'),
  ticketsUnexplained: new Counter('tickets_unexplained'),
  unexpected: new Counter('answers_unexpected'),
  missing: new Rate('answers_missing'),
  answerTime: new Trend('answer_time', true),
  promiseToConfirmed: new Trend('promise_to_confirmed', true),
  began: new Gauge('began'),
};

// The opening is waited for before the run, so that its phases meet it. A sale that opens later than this was not meant.
const LONGEST_WAIT_S = 600;

/** `{ options, setup, visit, teardown, handleSummary }` of a shape. */
export function run(shape) {
  const settings = read(__ENV);
  const planned = plan(shape, settings);
  const crowds = Object.fromEntries(planned.phases.map(({ name, crowd }) => [name, crowd]));
  return {
    options: {
      scenarios: scenarios(planned),
      thresholds: { ...thresholds(planned, settings), ...shape.thresholds },
      summaryTrendStats: ['min', 'med', 'p(95)', 'p(99)', 'max', 'count'],
      setupTimeout: `${LONGEST_WAIT_S + 60}s`,
      teardownTimeout: `${settings.quiet + 120}s`,
      userAgent: 'stampede-load-test',
      // No address, no url, no protocol: routes by their names are what is asked for. Without `group` k6 keeps no checks.
      systemTags: ['scenario', 'group', 'status', 'name', 'check', 'error_code'],
    },
    setup: () => begin(settings, planned),
    visit: (data) => {
      const phase = exec.scenario.name;
      const visitor = arrive(settings, planned, phase, data);
      oneOf(crowds[phase], Math.random()).visit(visitor);
    },
    teardown: ({ before }) => {
      const sold = judge(settings, before);
      // Both are sums over all visits, less or plus what the rows say: k6 judges no metric by another one.
      metrics.promisesLost.add(-(sold ?? 0));
      metrics.ticketsUnexplained.add(sold ?? 0);
    },
    handleSummary: (k6) => end(k6, settings, planned),
  };
}

/** Waits for the moment from which the phases fit the sale. */
function begin(settings, planned) {
  const before = soldBefore(settings);
  const sale = standing(settings);
  if (!sale) throw new Error(`the shop does not answer at ${settings.baseUrl}`);
  const wait_s = (sale.opensAt_ms - sale.now_ms) / 1000 - planned.opensAfter_s;
  if (wait_s > LONGEST_WAIT_S) throw new Error(`the sale opens in ${Math.round(wait_s + planned.opensAfter_s)} s: too long to wait for`);
  if (wait_s > 0) sleep(wait_s);
  else if (planned.opensAfter_s > 0) console.warn(`the sale opens ${Math.round(-wait_s)} s earlier than the phases say, or is open already`);
  const began_ms = Date.now();
  metrics.began.add(began_ms);
  return { before, began_ms };
}

// A broken shop breaks every answer. One line of each VU is enough to see how.
let saidSo = false;

function surprised({ route, status, code }, tags) {
  metrics.unexpected.add(1, { ...tags, status: String(status) });
  if (!saidSo) console.error(`${route} was answered ${status}${code ? ` (${code})` : ''}`);
  saidSo = true;
}

/** A visitor of this very visit. */
function arrive(settings, planned, phase, { began_ms }) {
  const slice = () => String(Math.min(planned.slices - 1, Math.max(0, Math.floor((Date.now() - began_ms) / 1000 / planned.slice_s))));
  // Another run against the same shop has other buyers.
  const name = `${settings.testid}-${phase}-${exec.scenario.iterationInTest}`;
  const ask = door(settings, (route) => ({ name: route, phase }), (answer, tags, took_ms) => {
    metrics.answerTime.add(took_ms, { slice: slice() });
    const told = kind(answer.route, answer);
    metrics.missing.add(told === 'unanswered');
    if (told === 'unexpected') surprised(answer, tags);
  });
  const book = {
    asked: (units) => {
      metrics.unitsAsked.add(units);
      metrics.ticketsUnexplained.add(-units);
    },
    answered: ({ replayed }) => replayed && metrics.ordersReplayed.add(1),
    promised: (units) => {
      metrics.ordersPromised.add(1);
      metrics.unitsPromised.add(units, { slice: slice() });
      metrics.promisesLost.add(units);
    },
    refused: (units) => {
      metrics.unitsRefused.add(units);
      metrics.ticketsUnexplained.add(units);
    },
    confirmedWithin: (took_ms) => metrics.promiseToConfirmed.add(took_ms),
  };
  return visitorOf({
    name, ask, book, sleep, settings,
    now: Date.now,
    random: Math.random,
    check: (what, so) => check(null, { [what]: () => so }),
  });
}

function end(k6, settings, planned) {
  const seen = figures(k6, planned);
  const said = verdict(seen);
  const { testid, rateScale, timeScale } = settings;
  const climbs = planned.phases.some(({ from, rate }) => from !== rate);
  const summary = { testid, shape: planned.name, rateScale, timeScale, climbs, verdict: said, inWords: inWords(said), ...seen };
  return {
    stdout: text(summary),
    [`${settings.results}/summary.json`]: JSON.stringify(summary, null, 1),
    [`${settings.results}/report.html`]: report(summary),
  };
}
