// A shop of one's own: the built binary on free ports with an empty data directory, stopped as an operator stops it.
// What the tests set is all it knows: nothing of the developer's environment leaks in.

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { letters } from './mails.mjs';

export const root = resolve(import.meta.dirname, '../../..');
export const binary =
  process.env.STAMPEDE_BINARY ?? resolve(root, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/stampede');

// A debug build on a busy two-core machine starts in well under a second; this is for a very bad day.
const START_MS = 20_000;
// The shop's own drain has a limit below this one.
const STOP_MS = 20_000;
const POLL_MS = 50;
// The demo's ticket type allows no more in one order.
const MOST_PER_ORDER = 6;

// A test runner that dies takes its shops with it.
const running = new Set();
process.on('exit', () => running.forEach((shop) => shop.kill('SIGKILL')));

// A shop is one embedded process, or a writer and a web node on the servers of `ops/servers/with`.
const distributed = process.env.STAMPEDE_TEST_MODE === 'distributed';

export const SLUG = 'frequency-festival';

/** Asks `probe` until it answers something truthy, and returns that. Fails with the sentence when the time is over. */
export async function eventually(sentence, probe, within_ms = 10_000) {
  const deadline = performance.now() + within_ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`not within ${within_ms} ms: ${sentence}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/**
 * Starts a shop whose sale is open unless `opensIn` says otherwise. Embedded it sells VIP passes too, which are paid online and
 * held for `vipHoldMinutes`; with a `vipCapacity` of 0 it sells none.
 */
export async function openShop({ capacity = 1000, opensIn = '0s', limitPerBuyer = 0, opsToken, vipCapacity, vipHoldMinutes, organizerToken } = {}) {
  // All at once: a port that was let go may be the next one's.
  const [httpPort, opsPort, writerPort] = await freePorts(3);
  const dataDir = await mkdtemp(join(tmpdir(), 'stampede-test-'));
  const environment = {
    PATH: process.env.PATH,
    STAMPEDE_HTTP_ADDR: `127.0.0.1:${httpPort}`,
    STAMPEDE_OPS_ADDR: `127.0.0.1:${opsPort}`,
    STAMPEDE_DATA_DIR: dataDir,
    STAMPEDE_DEMO_CAPACITY: String(capacity),
    STAMPEDE_DEMO_OPENS_IN: opensIn,
    STAMPEDE_DEMO_LIMIT_PER_BUYER: String(limitPerBuyer),
    ...(opsToken && { STAMPEDE_OPS_TOKEN: opsToken }),
    ...(vipCapacity !== undefined && { STAMPEDE_DEMO_VIP_CAPACITY: String(vipCapacity) }),
    ...(organizerToken && { STAMPEDE_ORGANIZER_TOKEN: organizerToken }),
  };
  const roles = distributed ? await onServers(environment, writerPort) : [{}];
  const shop = new Shop(environment, roles, `http://127.0.0.1:${httpPort}`, `http://127.0.0.1:${opsPort}`);
  try {
    if (vipHoldMinutes) await shop.describe({ vipCapacity, vipHoldMinutes });
    await shop.start();
  } catch (cause) {
    await shop.stop().catch(() => {});
    throw cause;
  }
  return shop;
}

/** What a writer and a web node have each to themselves; what they share goes into the environment. */
async function onServers(environment, writerPort) {
  const scratch = join(root, 'ops/servers/scratch');
  const { stdout } = await promisify(execFile)(scratch, [binary]);
  const settings = Object.fromEntries(stdout.trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  const { STAMPEDE_WRITER_DATABASE_URL, STAMPEDE_WEB_DATABASE_URL, ...shared } = settings;
  Object.assign(environment, shared);
  return [
    { STAMPEDE_ROLE: 'writer', DATABASE_URL: STAMPEDE_WRITER_DATABASE_URL, STAMPEDE_OPS_ADDR: `127.0.0.1:${writerPort}` },
    { STAMPEDE_ROLE: 'web', DATABASE_URL: STAMPEDE_WEB_DATABASE_URL },
  ];
}

class Shop {
  #environment;
  #roles;
  #processes = [];
  #said = '';

  constructor(environment, roles, url, opsUrl) {
    this.#environment = environment;
    this.#roles = roles;
    this.url = url;
    this.opsUrl = opsUrl;
  }

  /** Everything the processes have written, for the message of a failed test. */
  get log() {
    return this.#said;
  }

  async start() {
    this.#processes = this.#roles.map((role) => this.#begin(role));
    await eventually(
      'the shop is ready',
      async () => {
        if (this.#ended) throw new Error(`the shop ended before it was ready:\n${this.#said}`);
        return fetch(`${this.opsUrl}/readyz`).then((answer) => answer.ok, () => false);
      },
      START_MS,
    );
  }

  /** Before the start: the demo festival, on sale at once, with other VIP passes than a setting can make. */
  async describe({ vipCapacity, vipHoldMinutes }) {
    const event = await readFile(join(root, 'server/demo/frequency-festival.toml'), 'utf8');
    const changed = event
      .replace(/opens_at = "[^"]*"/g, 'opens_at = "2026-01-01T00:00:00Z"')
      .replace(/hold_minutes = \d+/, `hold_minutes = ${vipHoldMinutes}`)
      .replace(/capacity = 5000/, `capacity = ${vipCapacity}`);
    const file = join(this.#environment.STAMPEDE_DATA_DIR, 'event.toml');
    await writeFile(file, changed);
    await this.run('event', 'apply', file);
  }

  /** Pulls the plug, and starts again on what is left. */
  async crash() {
    for (const begun of this.#processes) {
      begun.kill('SIGKILL');
      await eventually('it is dead', () => hasEnded(begun));
      running.delete(begun);
    }
    await this.start();
  }

  #begin(role) {
    const env = { ...this.#environment, ...role };
    const begun = spawn(binary, ['serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [begun.stdout, begun.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#said += text));
    }
    begun.on('error', (cause) => (this.#said += `\n${cause.message}`));
    running.add(begun);
    return begun;
  }

  /** SIGTERM, and the drain has to end by itself and in peace. Web nodes first, as one does it by hand. */
  async stop() {
    try {
      for (const begun of this.#processes.toReversed().filter((each) => !hasEnded(each))) {
        begun.kill('SIGTERM');
        await eventually('the shop has drained', () => hasEnded(begun), STOP_MS);
        if (begun.exitCode !== 0) throw new Error(`the shop ended with ${begun.signalCode ?? begun.exitCode}:\n${this.#said}`);
      }
    } finally {
      for (const begun of this.#processes) {
        if (!hasEnded(begun)) begun.kill('SIGKILL');
        running.delete(begun);
      }
      await rm(this.#environment.STAMPEDE_DATA_DIR, { recursive: true, force: true });
    }
  }

  /** Runs a command beside the shop, such as `run('orders', 'export')`, and returns what it printed. */
  async run(...command) {
    const child = spawn(binary, command, { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let [printed, complained] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (complained += text));
    const code = await new Promise((ended, failed) => child.on('close', ended).on('error', failed));
    if (code !== 0) throw new Error(`stampede ${command.join(' ')} ended with ${code}:\n${complained}`);
    return printed;
  }

  /** The mails that were sent: without a mail server they go to a folder. */
  letters() {
    return letters(join(this.#environment.STAMPEDE_DATA_DIR, 'mails'));
  }

  /** The orders in the store, as the organizer's export has them: the truth, where a page could be wrong. */
  async orders() {
    const [head, ...rows] = (await this.run('orders', 'export')).trim().split(/\r?\n/);
    const columns = head.split(',');
    return rows.map((row) => Object.fromEntries(row.split(',').map((cell, at) => [columns[at], cell])));
  }

  async availability() {
    return (await fetch(`${this.url}/api/tickets/availability`)).json();
  }

  /** How many of a ticket type are free. */
  async free(ticketType) {
    const { ticketTypes } = await (await fetch(`${this.url}/api/v1/events/${SLUG}/availability`)).json();
    return ticketTypes.find(({ id }) => id === ticketType).available;
  }

  /** Buys through the API, as others do while a story goes on; comes back with the orders' ids when every unit is confirmed. */
  async sell(quantity) {
    const portions = Array.from({ length: Math.ceil(quantity / MOST_PER_ORDER) }, (_, at) =>
      Math.min(MOST_PER_ORDER, quantity - at * MOST_PER_ORDER));
    return Promise.all(portions.map((portion, at) => this.#sellOne(portion, `other-${at}`)));
  }

  async #sellOne(quantity, userId) {
    const answer = await fetch(`${this.url}/api/tickets/buy`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId, quantity }),
    });
    if (answer.status !== 202) throw new Error(`selling ${quantity} was answered ${answer.status}: ${await answer.text()}`);
    const { orderId, statusUrl } = await answer.json();
    await eventually('the order is confirmed', async () => {
      const order = await fetch(new URL(statusUrl, this.url));
      return order.ok && (await order.json()).status === 'confirmed';
    });
    return orderId;
  }

  get #ended() {
    return this.#processes.some(hasEnded);
  }
}

function hasEnded(begun) {
  return begun.pid === undefined || begun.exitCode !== null || begun.signalCode !== null;
}

/** Ports nobody listens on now. Another process could take one before the shop does; then the start says so. */
async function freePorts(count) {
  const listeners = await Promise.all(
    Array.from({ length: count }, () => new Promise((listening, failed) => {
      const listener = createServer().on('error', failed);
      listener.listen(0, '127.0.0.1', () => listening(listener));
    })),
  );
  const ports = listeners.map((listener) => listener.address().port);
  await Promise.all(listeners.map((listener) => new Promise((closed) => listener.close(closed))));
  return ports;
}
