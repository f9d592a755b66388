// The verdict blames the right one, and no lie passes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inWords, verdict } from '../verdict.js';

/** A run without a fault, as figures; changed by `lies`. */
function run(lies = {}) {
  const honest = {
    arrivals: { planned: 10_000, begun: 10_000, dropped: 0 },
    units: { asked: 900, promised: 600, refused: 300, unknown: 0 },
    audit: { made: true, sold: 600, broken: [], notJudged: 0, inFlight: 0 },
    answers: { all: 30_000, unexpected: 0, missing: 0 },
    checks: [{ name: 'a page is a page', passes: 5, fails: 0 }],
    breached: [],
  };
  return Object.fromEntries(Object.entries(honest).map(([part, of]) => [part, Array.isArray(of) ? (lies[part] ?? of) : { ...of, ...lies[part] }]));
}

test('a run without a fault is valid and passes', () => {
  assert.deepEqual(verdict(run()), { generator: 'valid', system: 'pass', exit: 0, faults: [], notes: [] });
  assert.equal(inWords(verdict(run())), 'the run is valid, the system passes');
});

for (const [what, lies, says] of [
  ['a promised ticket that was not sold', { units: { promised: 601, refused: 299 } }, /1 promised tickets were not sold/],
  ['a sold ticket that nobody was promised', { audit: { sold: 601 } }, /1 tickets were sold that nobody was promised/],
  ['more sold than promised and unknown together', { audit: { sold: 606 }, units: { unknown: 5 } }, /1 tickets were sold that nobody/],
  ['a broken law', { audit: { broken: ['NeverOversold'] } }, /NeverOversold/],
  ['a law that could not be judged', { audit: { notJudged: 1 } }, /could not be judged/],
  ['an order that never came to an end', { audit: { inFlight: 3 } }, /3 tickets were still in flight/],
  ['an audit that was not made', { audit: { made: false } }, /did not audit/],
  ['a status that nobody declared', { answers: { unexpected: 1 } }, /none of the declared/],
  ['silence', { answers: { missing: 400 }, breached: ['answers_missing'] }, /400 of 30000 requests got no answer/],
  ['a body that is wrong', { checks: [{ name: 'a page is a page', passes: 4, fails: 1 }] }, /1 times it was not so that a page is a page/],
  ['what only a threshold noticed', { breached: ['checks'] }, /not as it has to be: checks/],
  ['slowness', { breached: ['http_req_duration{phase:opening,name:buy} p(99)<1000'] }, /too slow: .*opening/],
]) {
  test(`${what} is the system's fault`, () => {
    const { generator, system, exit, faults } = verdict(run(lies));
    assert.deepEqual([generator, system, exit], ['valid', 'fail', 99]);
    assert.equal(faults.length, 1, faults.join('; '));
    assert.match(faults[0], says);
  });
}

for (const sold of [600, 603, 605]) {
  test(`${sold} sold, of 600 promised and 5 unknown, break nothing`, () => {
    const { system, notes } = verdict(run({ audit: { sold }, units: { unknown: 5 } }));
    assert.equal(system, 'pass');
    assert.match(notes.join(), /5 tickets were asked for with an unknown outcome/);
  });
}

for (const [dropped, says, exit] of [[0, 'valid', 0], [9, 'valid', 0], [11, 'degraded', 0], [499, 'degraded', 0], [501, 'invalid', 99]]) {
  test(`${dropped} of 10,000 visits dropped is ${says}`, () => {
    const said = verdict(run({ arrivals: { begun: 10_000 - dropped, dropped } }));
    assert.deepEqual([said.generator, said.system, said.exit], [says, 'pass', exit]);
  });
}

test('a run that was stopped is invalid, and what it saw of the laws still counts', () => {
  const said = verdict(run({ arrivals: { begun: 5_000 }, audit: { broken: ['OneFate'] } }));
  assert.deepEqual([said.generator, said.system, said.exit], ['invalid', 'fail', 99]);
});

test('slowness of an invalid run is nobody knows whose', () => {
  const said = verdict(run({ arrivals: { begun: 9_000, dropped: 1_000 }, breached: ['http_req_duration{phase:opening,name:buy} p(99)<1000'] }));
  assert.deepEqual([said.generator, said.system, said.exit], ['invalid', 'pass', 99]);
  assert.match(said.notes.join(), /are not judged/);
});
