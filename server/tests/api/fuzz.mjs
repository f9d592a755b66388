// Fuzzes the described API of a fresh shop with schemathesis: no 5xx, nothing but the described statuses, headers,
// content types and shapes, wrong input refused, other methods refused. Afterwards the laws still hold.
// Ends with one line, `api: N passed, M failed, K skipped`, counted in requests; skipped counts operations that
// schemathesis.toml selects and the run left out. With STAMPEDE_API_EXAMPLES=2200 (`make api EXAMPLES=1200`) it is the full
// form: at least 10,000 requests, and a line for the proof.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openShop, root } from '../browser/shop.mjs';

const schemathesis = join(root, '.tools/venv/bin/st');
const report = join(root, 'artifacts/logs/schemathesis.json');

/** Examples of each operation, when not those of schemathesis.toml. */
const examples = process.env.STAMPEDE_API_EXAMPLES;

await mkdir(join(root, 'artifacts/logs'), { recursive: true });
const shop = await openShop({ capacity: 100_000 });
try {
  const code = await fuzz(`${shop.url}/api/openapi.json`);
  process.stdout.write(await shop.run('audit'));
  console.log(`api: ${await count()}`);
  if (code !== 0) console.log(shop.log.split('\n').slice(-40).join('\n'));
  // A panic that an actor survives is still a panic.
  assert.doesNotMatch(shop.log, /panicked at/);
  process.exitCode = code;
  await prove();
} finally {
  await shop.stop();
}

function fuzz(description) {
  const config = ['--config-file', join(import.meta.dirname, 'schemathesis.toml')];
  const output = ['--no-color', '--report', 'json', '--report-json-path', report];
  const size = examples ? ['--max-examples', examples] : [];
  const child = spawn(schemathesis, [...config, 'run', description, ...size, ...output], {
    cwd: join(root, 'artifacts'), // it keeps notes where it runs
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((ended, failed) => child.on('close', ended).on('error', failed));
}

async function count() {
  const { operations, test_cases: cases } = JSON.parse(await readFile(report, 'utf8'));
  const failed = cases.with_failures + cases.errored + operations.errored;
  const skipped = operations.selected - operations.tested - operations.errored;
  return `${cases.generated - cases.with_failures} passed, ${failed} failed, ${skipped} skipped (${operations.tested} operations)`;
}

/** That links were followed, and in the full form that it was enough. */
async function prove() {
  const { seed, phases, operations, test_cases: cases } = JSON.parse(await readFile(report, 'utf8'));
  const proof = { part: 'api', seed, cases: cases.generated, failures: cases.with_failures, operations: operations.tested };
  console.log(`PROOF ${JSON.stringify(proof)}`);
  assert.ok(['success', 'failure'].includes(phases.stateful?.status), 'no links were followed');
  if (examples) assert.ok(cases.generated >= 10_000, `only ${cases.generated} requests`);
}
