// The smoke test: every script loads, a small sale of twenty seconds on a fresh shop passes its verdict, and one in which somebody
// else buys fails it.
// Ends with one line, `smoke: N passed, M failed`, which counts unit tests, scripts, checks and the verdict.

import { execFile, spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, openShop, root } from '../../../server/tests/browser/shop.mjs';
import { plan } from '../plan.js';
import { SMOKE } from '../shapes.js';

const run = promisify(execFile);
const k6 = join(root, '.tools/venv-k6/bin/k6');
const results = join(root, 'artifacts/smoke');
// A debug build beside other tests: what is slow is the machine. Rates and times of the shape are for such a one.
const scale = { rateScale: 0.04, timeScale: 1 };
// k6 needs a second or two before its first visit, more on a bad day.
const LEAD_S = 6;

const outcome = { passed: 0, failed: 0 };
const count = (what, so, why = '') => {
  outcome[so ? 'passed' : 'failed'] += 1;
  if (!so) console.log(`not so: ${what} ${why}`);
};

try {
  await unitTests();
  await scriptsLoad();
  await sale();
  await saleWithAStranger();
} catch (fault) {
  count('the smoke test ran to its end', false, fault.stack);
}
console.log(`smoke: ${outcome.passed} passed, ${outcome.failed} failed`);
process.exitCode = outcome.failed ? 1 : 0;

async function unitTests() {
  const tests = await tell('npm', ['test', '--silent', '--prefix', join(root, 'load-tests')]);
  const number = (word) => Number(tests.said.match(new RegExp(`^ℹ ${word} (\\d+)`, 'm'))?.[1] ?? 0);
  outcome.passed += number('pass');
  outcome.failed += number('fail') + number('cancelled') + number('skipped') + number('todo');
  count('there are unit tests', tests.code === 0 && number('pass') > 0);
}

async function scriptsLoad() {
  const folder = join(root, 'load-tests/shapes');
  for (const script of await readdir(folder)) {
    const inspected = await tell(k6, ['inspect', '--execution-requirements', join(folder, script)]);
    count(`${script} loads`, inspected.code === 0, inspected.said);
  }
}

async function sale() {
  const planned = plan(SMOKE, scale);
  // Half of what they want, so that the last of them meet "sold out".
  const capacity = Math.round(planned.units / 2);
  const shop = await openShop({ capacity, opensIn: `${planned.opensAfter_s + LEAD_S}s`, limitPerBuyer: 6 });
  try {
    const ended = await load(shop, 'smoke', 'smoke', scale);
    const summary = await summaryOf('smoke');
    count('bodies were checked', summary.checks.length > 10, `only ${summary.checks.length} checks`);
    for (const { name, passes, fails } of summary.checks) count(name, passes > 0 && fails === 0);
    count('the verdict', ended === 0 && summary.verdict.exit === 0, summary.inWords);
    // A smoke test that met none of these has tested less than it says.
    const met = Object.assign({}, ...summary.phases.map(({ statuses }) => statuses));
    for (const status of [200, 202, 304, 409, 425, 429]) count(`an answer ${status} was met`, met[status] > 0);
    count('all tickets are sold', summary.audit.sold === capacity, `${summary.audit.sold} of ${capacity}`);
    if (/panicked at/.test(shop.log)) count('nothing panics', false, shop.log.split('\n').slice(-40).join('\n'));
  } finally {
    await shop.stop();
  }
}

/** A verdict that cannot fail is none: tickets that k6 was not promised are sold beside it. */
async function saleWithAStranger() {
  const shop = await openShop({ capacity: 10_000 });
  try {
    const run = load(shop, 'steady', 'stranger', { rateScale: 0.005, timeScale: 0.01 });
    await eventually('k6 buys', async () => (await shop.availability()).available < 10_000, 30_000);
    await shop.sell(3);
    const ended = await run;
    const { verdict } = await summaryOf('stranger');
    const found = verdict.faults.some((fault) => fault.startsWith('3 tickets were sold that nobody was promised'));
    count("a stranger's three tickets are found", ended === 99 && found, `${ended}: ${verdict.faults.join('; ')}`);
  } finally {
    await shop.stop();
  }
}

function load(shop, shape, testid, { rateScale, timeScale }) {
  const env = {
    PATH: process.env.PATH, HOME: process.env.HOME, BASE_URL: shop.url, OPS_URL: shop.opsUrl, RESULTS: join(results, testid), TESTID: testid,
    RATE_SCALE: String(rateScale), TIME_SCALE: String(timeScale), LATENCY_SCALE: '5',
  };
  return follow(join(root, 'ops/load'), [shape], env);
}

async function summaryOf(testid) {
  return JSON.parse(await readFile(join(results, testid, 'summary.json'), 'utf8'));
}

async function tell(program, given) {
  try {
    const { stdout, stderr } = await run(program, given, { maxBuffer: 1 << 26 });
    return { code: 0, said: stdout + stderr };
  } catch (fault) {
    return { code: fault.code ?? 1, said: `${fault.stdout ?? ''}${fault.stderr ?? fault.message}` };
  }
}

function follow(program, given, env) {
  const child = spawn(program, given, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((ended, failed) => child.on('close', ended).on('error', failed));
}
