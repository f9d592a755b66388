// Before the first visit and after the last: what the shop has sold, and whether its laws hold. Asked on the operators' port.

import http from 'k6/http';
import { sleep } from 'k6';
import { Counter, Gauge } from 'k6/metrics';

const audits = new Counter('audits');
const lawsBroken = new Counter('laws_broken');
const lawsNotJudged = new Counter('laws_not_judged');
const ordersInFlight = new Gauge('orders_in_flight');
const quietAfter = new Gauge('quiet_after');
const unitsSold = new Counter('units_sold');

const LOOK_EVERY_S = 0.5;
// What a node shows is up to a tenth of a second old: one look that sees nothing may be of before the last orders.
const QUIET_LOOKS = 2;
// An audit reads every row, about a million a second.
const AUDIT_TIMEOUT = '90s';
// 500 is how the shop says that a law is broken; here it is an answer.
const ANSWERS = http.expectedStatuses(200, 500);

/** Tickets sold in all pools, by the rows. Throws when nobody answers: a run without this cannot be judged. */
export function soldBefore(settings) {
  const report = ask(settings);
  if (!report) throw new Error(`no audit at ${settings.opsUrl}/audit: set OPS_URL to the operators' port of a node`);
  return sold(report);
}

/** Where the sale stands: `{ opensAt_ms, now_ms, inFlight }` by the shop's own clock; nothing when it does not answer. */
export function standing(settings) {
  const answer = http.get(`${settings.baseUrl}/api/v1/events/${settings.event}/availability`, { timeout: '5s', responseType: 'text', tags: { name: 'audit' } });
  if (answer.status !== 200) return undefined;
  const { ticketTypes, serverTime, stale } = answer.json();
  const inFlight = ticketTypes.reduce((sum, type) => sum + type.inFlight, 0);
  return { opensAt_ms: Date.parse(ticketTypes[0].opensAt), now_ms: Date.parse(serverTime), inFlight, stale };
}

/** Waits until nothing is in flight, audits, and keeps what it found in metrics, where the summary can read it. Returns the units sold since. */
export function judge(settings, before) {
  const began = Date.now();
  const late = () => (Date.now() - began) / 1000 >= settings.quiet;
  let report;
  let inFlight;
  let quietLooks = 0;
  for (;;) {
    const now = standing(settings);
    inFlight = now && !now.stale ? now.inFlight : undefined;
    quietLooks = inFlight === 0 ? quietLooks + 1 : 0;
    report = quietLooks >= QUIET_LOOKS || late() ? ask(settings) : undefined;
    // `waiting` is null where the bus cannot tell; what is promised and undecided is in flight there.
    if (report && quietLooks >= QUIET_LOOKS && !report.waiting && report.laws.every(({ holds }) => holds !== null)) break;
    if (late()) break;
    sleep(LOOK_EVERY_S);
  }
  quietAfter.add((Date.now() - began) / 1000);
  // Nobody answers: then at least one order may be anywhere.
  ordersInFlight.add(inFlight ?? 1);
  if (!report) return undefined;
  audits.add(1);
  for (const { law, holds, breaches } of report.laws) {
    if (holds === null) lawsNotJudged.add(1, { law });
    if (holds === false) {
      lawsBroken.add(1, { law });
      console.error(`${law}: ${breaches.join('; ')}`);
    }
  }
  const since = sold(report) - before;
  unitsSold.add(since);
  return since;
}

function ask({ opsUrl }) {
  const answer = http.get(`${opsUrl}/audit`, { timeout: AUDIT_TIMEOUT, responseType: 'text', responseCallback: ANSWERS, tags: { name: 'audit' } });
  if (![200, 500].includes(answer.status)) return undefined;
  const report = answer.json();
  return Array.isArray(report?.laws) ? report : undefined;
}

function sold({ pools }) {
  return pools.reduce((sum, pool) => sum + pool.sold, 0);
}
