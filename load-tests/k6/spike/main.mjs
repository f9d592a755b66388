// `make spike`: a shop of its own, the six phases by k6, somebody who watches and adds nodes, and the curve of it all.
// usage: main.mjs embedded|distributed

import { spawn } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { curve, panelsOf } from '../curve.js';
import { plan } from '../plan.js';
import { report } from '../report.js';
import { settings as read } from '../settings.js';
import { SPIKE } from '../shapes.js';
import { Watchman } from './relief.js';
import { distributed, embedded } from './shops.mjs';
import { watch } from './watch.mjs';

const root = resolve(import.meta.dirname, '../../..');
const mode = process.argv[2];
if (!['embedded', 'distributed'].includes(mode)) throw new Error('usage: main.mjs embedded|distributed');

// What two cores can drive honestly while the shop, and on servers four other programs, have their share of them.
const env = { RATE_SCALE: mode === 'embedded' ? '0.04' : '0.03', TIME_SCALE: '0.1', ...process.env };
const settings = read(env);
// Of two cores; so small that one web node alone is too few for this scale.
const nodeCpu = mode === 'distributed' ? Number(env.NODE_CPU ?? 0.25) : 0;
// From starting the shop to the first visit: k6 makes its VUs in it, and servers are started.
const LEAD_S = { embedded: 20, distributed: 30 }[mode];
// Of what buyers want: the last tickets go some seconds before the phase that is named after it.
const CAPACITY = 0.85;

// Whoever interrupts this wants an end, not a shop that nobody stops: k6 is told to end, and everything after it happens as ever.
let generator;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (generator ? process.kill(generator, 'SIGINT') : undefined));

const planned = plan(SPIKE, settings);
const dir = join(root, 'target/spike', mode);
await rm(dir, { recursive: true, force: true });
await mkdir(dir, { recursive: true });

const festival = {
  STAMPEDE_DEMO_CAPACITY: Math.round(planned.units * CAPACITY),
  STAMPEDE_DEMO_OPENS_IN: `${Math.ceil(planned.opensAfter_s + LEAD_S)}s`,
};
const shop = mode === 'embedded'
  ? await embedded(root, join(dir, 'shop'), festival)
  : await distributed(root, join(dir, 'shop'), { ...festival, STAMPEDE_HTTP_WORKERS: 1 }, nodeCpu);
let ended;
try {
  ended = await drive();
} finally {
  await shop.stop();
}
process.exitCode = await tell(ended);

async function drive() {
  console.log(`${mode}: ${festival.STAMPEDE_DEMO_CAPACITY} tickets at ${shop.url}, ${Math.round(planned.visits)} visits in ${planned.seconds} s`);
  const k6 = spawn(join(root, 'ops/load'), ['spike'], {
    env: { ...env, BASE_URL: shop.url, OPS_URL: shop.nodes[0].opsUrl, RESULTS: dir, TESTID: `spike-${mode}` },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let status;
  const over = new Promise((done, failed) => k6.on('error', failed).on('close', (code) => done((status = code))));
  // k6 waits until the opening is as far away as its phases say; so begins its clock.
  const opensAt_ms = Date.parse(await opensAt());
  const began_ms = opensAt_ms - planned.opensAfter_s * 1000;
  const watchman = new Watchman();
  const samples = [];
  const additions = [];
  generator = await descendant(k6.pid, 'k6');
  over.finally(() => (generator = undefined));
  await watch({
    shop, nodeCpu, generator, event: settings.event,
    began_ms: () => began_ms,
    ended: () => status !== undefined,
    take: (sample) => {
      samples.push(sample);
      if (mode !== 'distributed' || sample.at_s < 0 || sample.at_s > planned.seconds) return;
      for (const role of watchman.look(sample)) additions.push(add(role, watchman, began_ms));
    },
  });
  await over;
  await Promise.all(additions);
  return { status, samples: samples.filter(({ at_s }) => at_s >= 0 && at_s <= planned.seconds), watchman };
}

async function add(role, watchman, began_ms) {
  const { name } = await shop.add(role);
  watchman.ready(role, name, Date.now() / 1000 - began_ms / 1000);
}

async function opensAt() {
  const answer = await fetch(`${shop.url}/api/v1/events/${settings.event}/availability`);
  return (await answer.json()).ticketTypes[0].opensAt;
}

/** The process below `pid` that is called so: k6 itself, below the script that starts it. */
async function descendant(pid, name) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    for (const child of await family(pid)) {
      const called = await readFile(`/proc/${child}/comm`, 'utf8').catch(() => '');
      if (called.trim() === name) return child;
    }
    await new Promise((woken) => setTimeout(woken, 50));
  }
  return pid;
}

async function family(pid) {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')).trim().split(' ').filter(Boolean);
  return [pid, ...(await Promise.all(children.map(family))).flat()];
}

/** Completes report and summary by what was watched, keeps the curve, says the rest; returns the exit code. */
async function tell({ status, samples, watchman }) {
  const kept = join(dir, 'summary.json');
  if (!existsSync(kept)) return 1;
  // A curve of a metric that was renamed would be a calm one.
  for (const seen of ['writerDepth', 'inventoryDepth', 'memory', 'sold']) {
    if (!samples.some((sample) => sample[seen] !== undefined)) throw new Error(`nothing was seen of ${seen}: watch.mjs asks for what the shop does not say`);
  }
  const summary = JSON.parse(await readFile(kept, 'utf8'));
  Object.assign(summary, { mode, machine: machine(samples), nodeCpu, relief: watchman.events, reliefs: watchman.reliefs });
  await writeFile(kept, JSON.stringify(summary, null, 1));
  await writeFile(join(dir, 'samples.json'), JSON.stringify(samples));
  await writeFile(join(dir, 'report.html'), report(summary, samples, watchman.events));
  const title = `${mode === 'embedded' ? 'Embedded, one process' : 'On servers'}: ${summary.inWords}. Rate × ${summary.rateScale}, time × ${summary.timeScale}`;
  const picture = join(dir, `spike-${mode}.svg`);
  await writeFile(picture, curve({ title, seconds: planned.seconds, phases: summary.phases, panels: panelsOf(summary, samples), marks: watchman.events }));
  if (env.PICTURES) await copyFile(picture, join(env.PICTURES, `spike-${mode}.svg`));
  const { generatorCores, cores, memory } = summary.machine;
  console.log(`k6 used ${generatorCores.mean.toFixed(2)} of ${cores} cores on average, ${generatorCores.most.toFixed(2)} at most; the shop's processes had ${(memory / 1e6).toFixed(0)} MB at most`);
  for (const { at_s, text } of watchman.events) console.log(`  ${at_s.toFixed(1)} s: ${text}`);
  if (mode === 'distributed') relieved(watchman);
  console.log(`curve: ${picture}`);
  return status;
}

function relieved({ reliefs }) {
  if (!reliefs.length) console.log('no threshold tripped, no node was added');
  for (const { kind, tripped_s, ready_s, relieved_s } of reliefs) {
    const after = (moment) => (moment === undefined ? 'never' : `${(moment - tripped_s).toFixed(1)} s`);
    console.log(`a ${kind} node was asked for at ${tripped_s.toFixed(1)} s: ready after ${after(ready_s)}, relief after ${after(relieved_s)}`);
  }
  if (nodeCpu > 0 && !shop.small) console.log('nodes could not be made small here (no control group of our own): they share the whole machine');
}

function machine(samples) {
  const used = samples.map(({ generatorCores }) => generatorCores).filter((cores) => cores !== undefined);
  const mean = used.reduce((sum, cores) => sum + cores, 0) / Math.max(1, used.length);
  return { cores: cpus().length, model: cpus()[0].model, generatorCores: { mean, most: Math.max(0, ...used) }, memory: Math.max(0, ...samples.map(({ memory }) => memory ?? 0)) };
}
