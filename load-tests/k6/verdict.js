// The verdict on a run: is it worth anything (the generator's fault), and did the system pass (the system's fault)? Pure.

import { HARDLY_DROPPED, MOST_DROPPED, isLatency } from './thresholds.js';

// Of the visits that were planned, at least so many must have been begun or counted as dropped; fewer: somebody stopped the run.
const LEAST_ARRIVED = 0.98;

/**
 * Judges `figures` (summary.js): `{ generator, system, exit, faults, notes }`. `generator` is valid, degraded or invalid;
 * `system` pass or fail; `exit` 0 when the run can be believed and the system passed, else 99, as k6 ends.
 */
export function verdict(figures) {
  const generator = ofGenerator(figures.arrivals);
  const faults = [...ofAudit(figures.audit), ...ofPromises(figures), ...ofAnswers(figures)];
  const late = figures.breached.filter(isLatency);
  // Whatever k6 found wrong is wrong, also what has no sentence here.
  const unsaid = figures.breached.filter((metric) => !isLatency(metric) && metric !== 'dropped_iterations');
  if (!faults.length) faults.push(...unsaid.map((metric) => `not as it has to be: ${metric}`));
  const notes = [...generator.notes];
  if (late.length && generator.says === 'invalid') {
    notes.push(`${late.length} limits on latency were missed and are not judged: the generator may have been what was slow`);
  } else {
    faults.push(...late.map((threshold) => `too slow: ${threshold}`));
  }
  const system = faults.length ? 'fail' : 'pass';
  if (figures.units.unknown) notes.push(`${figures.units.unknown} tickets were asked for with an unknown outcome; sold may be higher than promised by as many`);
  return { generator: generator.says, system, exit: generator.says !== 'invalid' && system === 'pass' ? 0 : 99, faults, notes };
}

function ofGenerator({ planned, begun, dropped }) {
  const arrived = begun + dropped;
  if (arrived < planned * LEAST_ARRIVED) return { says: 'invalid', notes: [`only ${arrived} of ${Math.round(planned)} visits came: the run was stopped`] };
  const share = arrived ? dropped / arrived : 1;
  const notes = dropped ? [`${dropped} of ${arrived} visits were dropped (${(share * 100).toFixed(2)} %): the generator had nobody to send`] : [];
  if (share > MOST_DROPPED) return { says: 'invalid', notes };
  return { says: share > HARDLY_DROPPED ? 'degraded' : 'valid', notes };
}

function ofAudit({ made, broken, notJudged, inFlight }) {
  if (!made) return ['the system did not audit its laws'];
  const faults = broken.map((law) => `a law is broken: ${law}`);
  if (notJudged) faults.push(`${notJudged} laws could not be judged`);
  if (inFlight) faults.push(`${inFlight} tickets were still in flight when the wait for quiet ended`);
  return faults;
}

/** Sold must be what was promised, plus at most what nobody knows about. */
function ofPromises({ audit, units }) {
  if (!audit.made) return [];
  const sold = audit.sold;
  if (sold < units.promised) return [`${units.promised - sold} promised tickets were not sold: ${units.promised} promised, ${sold} sold`];
  const most = units.promised + units.unknown;
  if (sold > most) return [`${sold - most} tickets were sold that nobody was promised: ${units.promised} promised, ${units.unknown} unknown, ${sold} sold`];
  return [];
}

function ofAnswers({ answers, checks, breached }) {
  const faults = [];
  if (answers.unexpected) faults.push(`${answers.unexpected} answers had a status that is none of the declared ones`);
  if (breached.includes('answers_missing')) faults.push(`${answers.missing} of ${answers.all} requests got no answer`);
  for (const { name, fails } of checks.filter(({ fails }) => fails)) faults.push(`${fails} times it was not so that ${name}`);
  return faults;
}

/** One line for people. */
export function inWords({ generator, system }) {
  const of = { valid: 'the run is valid', degraded: 'the run is degraded', invalid: 'the run is invalid' }[generator];
  return `${of}, the system ${system === 'pass' ? 'passes' : 'fails'}`;
}
