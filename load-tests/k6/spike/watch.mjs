// What the shop says of itself while k6 runs, twice a second: depths, CPU, tickets.

import { cpuSeconds } from './quota.mjs';
import { BACKLOG_S, WEB_CPU } from './relief.js';

const EVERY_MS = 500;
const PATIENCE_MS = 2_000;
// A rate over less time than this is noise.
const RATE_OVER_S = 2;

/** Samples until `ended()` says so, and hands each to `take`. Times are seconds since `began_ms()`, negative before. */
export async function watch({ shop, event, generator, nodeCpu, began_ms, ended, take }) {
  const history = [];
  while (!ended()) {
    const wake = new Promise((woken) => setTimeout(woken, EVERY_MS));
    const sample = await look(shop, event, generator);
    history.push(sample);
    while (sample.now_s - history[0].now_s > RATE_OVER_S && history.length > 2) history.shift();
    take({ ...sample, ...rates(history[0], sample, nodeCpu), at_s: sample.now_s - began_ms() / 1000 });
    await wake;
  }
}

async function look(shop, event, generator) {
  const [metrics, tickets, cpus, generatorCpu] = await Promise.all([
    Promise.all(shop.nodes.map(({ opsUrl }) => text(`${opsUrl}/metrics`))),
    text(`${shop.url}/api/v1/events/${event}/availability`),
    Promise.all(shop.nodes.map(({ pid }) => cpuSeconds(pid))),
    cpuSeconds(generator),
  ]);
  const sum = (name) => summed(metrics.map((of) => number(of, name)));
  const [type] = tickets ? JSON.parse(tickets).ticketTypes : [];
  return {
    now_s: Date.now() / 1000,
    writerDepth: sum('stampede_mailbox_depth{actor="order_writer"}'),
    inventoryDepth: sum('stampede_mailbox_depth{actor="inventory"}'),
    sold: type?.sold,
    inFlight: type?.inFlight,
    total: type?.total,
    memory: sum('process_resident_memory_bytes'),
    cpu: Object.fromEntries(shop.nodes.map(({ name }, at) => [name, cpus[at]])),
    generatorCpu,
  };
}

/** What needs two looks: shares of CPU in %, cores, and the backlog in seconds. */
export function rates(before, now, nodeCpu) {
  const over_s = now.now_s - before.now_s;
  if (over_s <= 0) return {};
  const used = (name) => (now.cpu[name] === undefined || before.cpu[name] === undefined ? undefined : (now.cpu[name] - before.cpu[name]) / over_s);
  const webs = Object.keys(now.cpu).filter((name) => name.startsWith('web-')).map(used).filter((cores) => cores !== undefined);
  const mean = webs.length ? webs.reduce((sum, cores) => sum + cores, 0) / webs.length : undefined;
  const perSecond = (now.sold - before.sold) / over_s;
  return {
    webCpu: mean === undefined || !nodeCpu ? undefined : (mean / nodeCpu) * 100,
    webThreshold: webs.length && nodeCpu ? WEB_CPU : undefined,
    backlog_s: now.inFlight === undefined ? undefined : now.inFlight && backlog(now.inFlight, perSecond),
    nodeCores: Object.fromEntries(Object.keys(now.cpu).map((name) => [name, used(name)])),
    generatorCores: now.generatorCpu === undefined || before.generatorCpu === undefined ? undefined : (now.generatorCpu - before.generatorCpu) / over_s,
  };
}

/** By Little's law. Nothing is sold any more: what is in flight waits for nobody knows how long, and that is beyond any threshold. */
function backlog(inFlight, perSecond) {
  return perSecond > 0 ? inFlight / perSecond : BACKLOG_S * 10;
}

async function text(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.ok ? await answer.text() : '';
  } catch {
    return '';
  }
}

/** A metric by its name with its labels, as Prometheus reads it; nothing when it is not there. */
export function number(metrics, name) {
  const at = metrics.indexOf(`\n${name} `);
  return at < 0 ? undefined : Number(metrics.slice(at + name.length + 2, metrics.indexOf('\n', at + 1)));
}

/** Of the nodes that have it; nothing when none has, for that is not 0. */
function summed(numbers) {
  const known = numbers.filter((each) => each !== undefined);
  return known.length ? known.reduce((sum, each) => sum + each, 0) : undefined;
}
