// The end of a run on a terminal: what came, what was answered, and the verdict last. Pure.

/** Text of a summary (run.js). */
export function text(summary) {
  const { phases, units, orders, audit, verdict, confirmed } = summary;
  const lines = ['', `${summary.shape} at rate ${summary.rateScale}, time ${summary.timeScale} (${summary.testid})`, ''];
  lines.push(row('phase', 'wanted/s', 'seen/s', 'dropped', 'p99 ms: look', 'buy', '  answers'));
  for (const phase of phases) lines.push(row(phase.name, whole(phase.wantedPerSecond), whole(phase.seenPerSecond), phase.dropped, ms(phase.routes.availability), ms(phase.routes.buy), `  ${answers(phase)}`));
  lines.push('');
  lines.push(`promised ${units.promised} tickets in ${orders.promised} orders (${orders.replayed} answers were repeated), refused ${units.refused}, unknown ${units.unknown}`);
  lines.push(audit.made ? `sold ${audit.sold}; quiet after ${audit.quietAfter_s.toFixed(1)} s; laws broken: ${audit.broken.join(', ') || 'none'}` : 'no audit was made');
  if (confirmed.times) lines.push(`from 202 to "confirmed" as buyers saw it: p50 ${confirmed.p50_ms.toFixed(0)} ms, p99 ${confirmed.p99_ms.toFixed(0)} ms`);
  if (summary.climbs) lines.push(held(summary.curve));
  lines.push('', ...verdict.faults.map((fault) => `  FAULT ${fault}`), ...verdict.notes.map((note) => `  note  ${note}`));
  lines.push(`verdict: ${verdict.generator} x ${verdict.system}: ${summary.inWords}`, '');
  return lines.join('\n');
}

// What people still call an answer at once.
const HELD_P99_MS = 500;

/** How far a climb went before answers became slow, for whatever reason. */
function held(curve) {
  const broke = curve.findIndex(({ p99_ms }) => p99_ms > HELD_P99_MS);
  const before = broke < 0 ? curve : curve.slice(0, broke);
  const most = Math.round(Math.max(0, ...before.map(({ perSecond }) => perSecond)));
  return `99 of 100 answers came within ${HELD_P99_MS} ms up to ${most} requests a second${broke < 0 ? ', and to the end' : `, not ${Math.round(curve[broke].at_s)} s after the start`}`;
}

function answers({ statuses }) {
  return Object.entries(statuses).map(([status, times]) => `${status === '0' ? 'none' : status}: ${times}`).join('  ');
}

function row(name, ...cells) {
  return `  ${name.padEnd(12)}${cells.map((cell) => String(cell).padStart(10)).join('')}`;
}

function whole(number) {
  return Math.round(number);
}

function ms(route) {
  return route ? route.p99_ms.toFixed(1) : '-';
}
