// Shapes at scales, and what k6 is made of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curve, panelsOf } from '../curve.js';
import { plan, scenarios } from '../plan.js';
import { report } from '../report.js';
import { settings } from '../settings.js';
import * as shapes from '../shapes.js';
import { figures } from '../summary.js';
import { text } from '../text.js';
import { thresholds } from '../thresholds.js';
import { verdict } from '../verdict.js';

const WHOLE = { rateScale: 1, timeScale: 1 };

test('the spike at scale 1 is the sale of the seed', () => {
  const planned = plan(shapes.SPIKE, WHOLE);
  assert.deepEqual(planned.phases.map(({ seconds }) => seconds), [120, 120, 180, 300, 120, 60]);
  const rates = planned.phases.map(({ requestsPerSecond }) => Math.round(requestsPerSecond / 100) * 100);
  assert.deepEqual(rates, [1_000, 10_000, 50_000, 50_000, 20_000, 1_000]);
  assert.equal(planned.opensAfter_s, 240);
});

test('scaling changes how many and how long, not what', () => {
  const [whole, small] = [plan(shapes.SPIKE, WHOLE), plan(shapes.SPIKE, { rateScale: 0.04, timeScale: 0.1 })];
  assert.equal(small.seconds, whole.seconds / 10);
  assert.ok(Math.abs(small.visits / whole.visits - 0.004) < 0.0001);
  assert.deepEqual(small.phases.map(({ name }) => name), whole.phases.map(({ name }) => name));
});

test('phases follow each other, none overlaps, none is below what k6 takes', () => {
  for (const shape of Object.values(shapes)) {
    const planned = plan(shape, { rateScale: 0.0001, timeScale: 0.001 });
    let end = 0;
    for (const phase of planned.phases) {
      assert.equal(phase.start_s, end);
      assert.ok(phase.seconds >= 1 && phase.rate >= 1);
      end += phase.seconds;
    }
  }
});

test('visits come at their time, whatever the shop does', () => {
  for (const shape of Object.values(shapes)) {
    for (const scenario of Object.values(scenarios(plan(shape, WHOLE)))) assert.match(scenario.executor, /-arrival-rate$/);
  }
});

test('settings that make no sense are refused by name', () => {
  for (const [name, value] of [['RATE_SCALE', 'fast'], ['RATE_SCALE', '0'], ['TIME_SCALE', '-1'], ['BASE_URL', 'localhost'], ['UNANSWERED', '2']]) {
    assert.throws(() => settings({ [name]: value }), new RegExp(name));
  }
});

/** What k6 would hand over, as far as the scripts read it. */
function handedOver(planned, counts = {}) {
  const metrics = Object.fromEntries(Object.keys(thresholds(planned, settings({}))).map((metric) => [metric, { values: { count: 0, value: 0 }, thresholds: { x: { ok: true } } }]));
  const set = (metric, count) => (metrics[metric] = { values: { count, value: count } });
  const given = { iterations: planned.visits, audits: 1, http_reqs: 10, units_asked: 9, units_promised: 6, units_refused: 3, units_sold: 6, ...counts };
  for (const [metric, count] of Object.entries(given)) set(metric, count);
  return { metrics, root_group: { checks: [{ name: 'so', passes: 1, fails: 0 }], groups: [] } };
}

test('what k6 hands over becomes a verdict', () => {
  const planned = plan(shapes.SMOKE, WHOLE);
  assert.equal(verdict(figures(handedOver(planned), planned)).exit, 0);
  const lost = verdict(figures(handedOver(planned, { units_sold: 5 }), planned));
  assert.match(lost.faults.join(), /1 promised tickets were not sold/);
  const silent = verdict(figures({ ...handedOver(planned, { audits: 0 }) }, planned));
  assert.match(silent.faults.join(), /did not audit/);
  const unheardOf = verdict(figures(handedOver(planned, { laws_broken: 1 }), planned));
  assert.match(unheardOf.faults.join(), /one without a name here/);
  assert.throws(() => figures({ results: {} }, planned), /no metrics by name/);
});

test('a visit that was cut short leaves an unknown outcome', () => {
  const planned = plan(shapes.SMOKE, WHOLE);
  assert.equal(figures(handedOver(planned, { units_asked: 11 }), planned).units.unknown, 2);
});

test('a climb says how far it went', () => {
  const planned = plan(shapes.BREAKPOINT, { rateScale: 0.1, timeScale: 0.1 });
  const seen = figures(handedOver(planned), planned);
  const point = (at_s, perSecond, p99_ms) => ({ at_s, perSecond, p99_ms });
  const said = (curve) => text({ climbs: true, shape: 'breakpoint', inWords: '', verdict: verdict(seen), ...seen, curve });
  assert.match(said([point(1, 100, 5), point(2, 200, 499), point(3, 300, 501), point(4, 400, 20)]), /up to 200 requests a second, not 3 s after/);
  assert.match(said([point(1, 100, 5)]), /up to 100 requests a second, and to the end/);
});

test('report and curve are whole, and fetch nothing', () => {
  const planned = plan(shapes.SPIKE, { rateScale: 0.04, timeScale: 0.1 });
  const seen = figures(handedOver(planned), planned);
  const summary = { testid: 'a <test>', shape: 'spike', rateScale: 0.04, timeScale: 0.1, inWords: 'fine', verdict: verdict(seen), ...seen };
  const samples = [{ at_s: 1, sold: 0, total: 10, writerDepth: 3, inventoryDepth: 1, webCpu: 50, webThreshold: 70 }, { at_s: 60, sold: 8, total: 10, writerDepth: 0, inventoryDepth: 1, webCpu: 40, webThreshold: 70 }];
  const marks = [{ at_s: 30, text: 'web-2 & relief' }];
  for (const made of [report(summary, samples, marks), curve({ title: 'x', seconds: planned.seconds, phases: seen.phases, panels: panelsOf(summary, samples), marks })]) {
    assert.doesNotMatch(made, /NaN|undefined|Infinity|<test>/);
    assert.doesNotMatch(made.replaceAll('http://www.w3.org/2000/svg', ''), /https?:|src=|@import/);
    assert.match(made, /prefers-color-scheme:dark/);
    assert.match(made, /web-2 &amp; relief/);
  }
});
