// What is read of the shop while k6 runs: what is not there is not 0.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { number, rates } from '../spike/watch.mjs';

const METRICS = `# TYPE stampede_mailbox_depth gauge
stampede_mailbox_depth{actor="order_writer"} 7
stampede_mailbox_depth{actor="writer"} 3
process_cpu_seconds_total 1.5
`;

test('a metric is found by its whole name, and one that is not there is not 0', () => {
  assert.equal(number(METRICS, 'stampede_mailbox_depth{actor="order_writer"}'), 7);
  assert.equal(number(METRICS, 'process_cpu_seconds_total'), 1.5);
  assert.equal(number(METRICS, 'process_cpu'), undefined);
  assert.equal(number('', 'process_cpu_seconds_total'), undefined);
});

const before = { now_s: 10, sold: 100, inFlight: 0, cpu: { 'web-1': 1, 'writer-1': 5 }, generatorCpu: 2 };

test('the CPU of web nodes is a share of what each may use, and writers are none', () => {
  const now = { now_s: 12, sold: 300, inFlight: 50, cpu: { 'web-1': 1.4, 'web-2': 0.3, 'writer-1': 6 }, generatorCpu: 3 };
  const seen = rates(before, now, 0.25);
  // web-2 was not there at the first look: its share is not known yet.
  assert.equal(Math.round(seen.webCpu), 80);
  assert.equal(seen.nodeCores['writer-1'], 0.5);
  assert.equal(seen.generatorCores, 0.5);
  assert.equal(rates(before, now, 0).webCpu, undefined, 'where nodes have no limit there is no share');
});

test('the backlog is what is in flight by what is sold a second, and beyond every threshold when nothing is', () => {
  const later = (sold, inFlight) => rates(before, { ...before, now_s: 12, sold, inFlight }, 0).backlog_s;
  assert.equal(later(300, 50), 0.5);
  assert.equal(later(100, 0), 0);
  assert.ok(later(100, 1) > 10);
  assert.equal(later(undefined, undefined), undefined);
});
