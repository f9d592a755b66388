// A shape at a scale: which visits come when. Shapes speak of requests a second; k6 begins visits, each some requests. Pure.

import { requestsPerVisit, unitsPerVisit } from './crowd.js';

// k6 wants whole numbers of visits; per ten seconds a slow rate loses little.
const UNIT_S = 10;
// Slower than this, a curve of a short run shows noise; more of them cost the generator a comparison each, for every answer.
const SLICES = 40;
const LEAST_SLICE_S = 0.5;
// The longest that a journey looks around, at time scale 1.
const THINK_S = 3;

/**
 * `shape.phases`: `{ name, state, crowd, rate, from?, seconds }`, rates in requests a second at scale 1; `from`: climbs from
 * there. Returns phases with their visits, and the sums.
 */
export function plan(shape, { rateScale, timeScale }) {
  let start_s = 0;
  const phases = shape.phases.map((phase) => {
    // k6 takes no scenario below a second.
    const seconds = Math.max(1, round(phase.seconds * timeScale));
    const perVisit = requestsPerVisit(phase.crowd, phase.state);
    const visitsPerUnit = (rate) => Math.max(1, Math.round((rate * rateScale * UNIT_S) / perVisit));
    const rate = visitsPerUnit(phase.rate);
    const from = phase.from === undefined ? rate : visitsPerUnit(phase.from);
    const visits = (((rate + from) / 2) * seconds) / UNIT_S;
    const planned = { ...phase, start_s, seconds, perVisit, rate, from, visits };
    planned.requestsPerSecond = round((rate / UNIT_S) * perVisit);
    planned.units = visits * unitsPerVisit(phase.crowd, phase.state);
    start_s = round(start_s + seconds);
    return planned;
  });
  const sum = (of) => phases.reduce((all, phase) => all + of(phase), 0);
  const slice_s = Math.max(LEAST_SLICE_S, start_s / SLICES);
  return {
    name: shape.name,
    phases,
    seconds: start_s,
    visits: sum(({ visits }) => visits),
    units: sum(({ units }) => units),
    // Seconds from the first visit to the opening of the sale: where the first phase that sells begins.
    opensAfter_s: phases.find(({ state }) => state !== 'before')?.start_s ?? 0,
    // How long a visit takes at most, most of the time: looking around, and a second for the answers.
    visit_s: THINK_S * timeScale + 1,
    slice_s,
    slices: Math.ceil(start_s / slice_s),
  };
}

/** The scenarios of k6: one a phase, so that everything a phase does carries its name. Open model: visits come at their time. */
export function scenarios(planned) {
  return Object.fromEntries(planned.phases.map((phase) => {
    const perSecond = Math.max(phase.rate, phase.from) / UNIT_S;
    // Made before the run: making VUs while visits come is what drops them. Some more for a shop that slows down.
    const atOnce = Math.ceil(perSecond * planned.visit_s) + 20;
    const common = {
      exec: 'visit',
      startTime: `${phase.start_s}s`,
      timeUnit: `${UNIT_S}s`,
      preAllocatedVUs: atOnce,
      maxVUs: atOnce * 6,
      // A visit that is cut short leaves orders nobody knows about. The longest waits for an answer, thrice, and in between.
      gracefulStop: '60s',
      tags: { phase: phase.name },
    };
    const climbs = phase.from !== phase.rate;
    const climb = { executor: 'ramping-arrival-rate', startRate: phase.from, stages: [{ target: phase.rate, duration: `${phase.seconds}s` }] };
    const level = { executor: 'constant-arrival-rate', rate: phase.rate, duration: `${phase.seconds}s` };
    return [phase.name, { ...common, ...(climbs ? climb : level) }];
  }));
}

function round(number) {
  return Math.round(number * 1000) / 1000;
}
