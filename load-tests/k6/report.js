// A run as a page of its own: verdict, curve, phases, answers, checks. One file, nothing fetched. Pure.

import { curve, escaped, panelsOf } from './curve.js';

/** HTML of a summary (run.js); `samples` and `marks` (watch.mjs) add what the shop itself said meanwhile. */
export function report(summary, samples = [], marks = []) {
  const { phases, verdict } = summary;
  const last = phases.at(-1);
  const title = `${summary.shape}, rate ${summary.rateScale}, time ${summary.timeScale}`;
  const picture = curve({ title, seconds: last.start_s + last.seconds, phases, panels: panelsOf(summary, samples), marks });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(`${summary.testid}: ${summary.inWords}`)}</title>${STYLE}</head><body><main>
<h1>${escaped(summary.testid)}</h1>
<p class="verdict ${verdict.exit ? 'bad' : 'good'}"><strong>${escaped(verdict.generator)} × ${escaped(verdict.system)}</strong> ${escaped(summary.inWords)}</p>
${list('Faults', verdict.faults)}${list('Notes', verdict.notes)}
<figure>${picture}</figure>
<h2>Tickets</h2>${tickets(summary)}
<h2>Phases</h2>${phasesTable(phases)}
<h2>Answer times</h2>${timesTable(phases)}
<h2>Checks</h2>${checksTable(summary.checks)}
</main></body></html>
`;
}

function list(title, lines) {
  return lines.length ? `<h2>${title}</h2><ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>` : '';
}

function tickets({ units, orders, audit, confirmed, relief }) {
  const rows = [
    ['asked for', units.asked],
    ['promised (202)', `${units.promised} in ${orders.promised} orders; ${orders.replayed} answers were repeated ones`],
    ['refused', units.refused],
    ['unknown', units.unknown],
    ['sold, by the rows', audit.made ? audit.sold : 'not known: no audit'],
    ['laws broken', audit.made ? audit.broken.join(', ') || 'none' : 'not known'],
    ['quiet after the last visit', `${audit.quietAfter_s.toFixed(1)} s`],
    ['202 to confirmed, as buyers saw it', `p50 ${confirmed.p50_ms.toFixed(0)} ms, p99 ${confirmed.p99_ms.toFixed(0)} ms`],
    ...(relief ?? []).map(({ at_s, text }) => [`at ${at_s.toFixed(1)} s`, text]),
  ];
  return table([], rows);
}

function phasesTable(phases) {
  const rows = phases.map(({ name, seconds, wantedPerSecond, seenPerSecond, visits, dropped, statuses }) =>
    [name, `${seconds} s`, Math.round(wantedPerSecond), Math.round(seenPerSecond), visits, dropped, Object.entries(statuses).map(([status, times]) => `${status === '0' ? 'none' : status}: ${times}`).join(', ')]);
  return table(['phase', 'length', 'wanted/s', 'seen/s', 'visits', 'dropped', 'answers'], rows);
}

function timesTable(phases) {
  const rows = phases.flatMap(({ name, routes }) => Object.entries(routes).map(([route, of]) => [name, route, of.times, ...[of.p50_ms, of.p95_ms, of.p99_ms, of.max_ms].map((time) => time.toFixed(1))]));
  return table(['phase', 'route', 'answers', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'], rows);
}

function checksTable(checks) {
  return table(['what', 'so', 'not so'], checks.map(({ name, passes, fails }) => [name, passes, fails]));
}

function table(head, rows) {
  const line = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${head.length ? line(head, 'th') : ''}${rows.map((cells) => line(cells, 'td')).join('')}</table>`;
}

const STYLE = `<style>
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:0}main{max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}figure{margin:1.5rem 0;overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .8rem .2rem 0;text-align:left;border-bottom:1px solid #8884;vertical-align:top}
.verdict{padding:.8rem 1rem;border-radius:.5rem;border-left:.5rem solid}.good{border-color:#1a7f37;background:#1a7f3722}.bad{border-color:#c62828;background:#c6282822}
</style>`;
