// A node is added when a threshold has been passed for long enough, and not before; relief is what comes after it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watchman } from '../spike/relief.js';

/** Two samples a second of one signal; returns when which node was asked for. */
function watch(watchman, signal, values, from_s = 0) {
  return values.flatMap((value, at) => watchman.look({ at_s: from_s + at / 2, [signal]: value }).map((kind) => [from_s + at / 2, kind]));
}

test('one busy second adds nothing', () => {
  assert.deepEqual(watch(new Watchman(), 'webCpu', [20, 99, 99, 99, 20, 99, 99, 99, 99, 99, 20]), []);
});

test('three seconds above the threshold add one node, and not one each sample', () => {
  assert.deepEqual(watch(new Watchman(), 'webCpu', Array(20).fill(90)), [[3, 'web']]);
});

test('a node that did not help is followed by another one', () => {
  assert.deepEqual(watch(new Watchman(), 'backlog_s', Array(30).fill(4)), [[3, 'writer'], [11, 'writer']]);
});

test('relief is counted from the threshold to the first of two quiet seconds', () => {
  const watchman = new Watchman();
  watch(watchman, 'webCpu', Array(7).fill(90));
  watchman.ready('web', 'web-2', 4);
  watch(watchman, 'webCpu', [90, 90, 40, 90, 40, 40, 40, 40, 40, 40], 4);
  assert.deepEqual(watchman.reliefs, [{ kind: 'web', tripped_s: 3, ready_s: 4, relieved_s: 6 }]);
  assert.deepEqual(watchman.events.map(({ text }) => text), ['web nodes use 90 % of their CPU', 'web-2 is ready', 'relief 3.0 s after']);
});

test('a wave that ends before the node is there is not its relief', () => {
  const watchman = new Watchman();
  watch(watchman, 'webCpu', Array(7).fill(90));
  watch(watchman, 'webCpu', Array(10).fill(10), 3.5);
  assert.equal(watchman.reliefs[0].relieved_s, undefined);
});

test('a signal that nobody could read is none', () => {
  assert.deepEqual(watch(new Watchman(), 'webCpu', Array(20).fill(undefined)), []);
});
