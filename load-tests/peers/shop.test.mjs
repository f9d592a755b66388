// What is compared with must be right: sells what there is, once, and writes it down.
//   ops/servers/with npm test --prefix load-tests/peers

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

const DEADLINE_MS = 20_000;
const name = `peer_${randomBytes(8).toString('hex')}`;
const shop = { process: null, port: 0, url: '' };

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
};

const until = async (what, question) => {
  const ends = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await question().catch(() => undefined);
    if (answer) return answer;
    assert.ok(Date.now() < ends, `${what}: not within ${DEADLINE_MS} ms`);
    await pause(50);
  }
};

const start = async () => {
  shop.process = spawn(process.execPath, [new URL('./shop.mjs', import.meta.url).pathname], {
    stdio: 'inherit',
    env: {
      ...process.env,
      DATABASE_URL: shop.url,
      REDIS_URL: process.env.STAMPEDE_TEST_REDIS_URL,
      PEER_PREFIX: name,
      PEER_PORT: shop.port,
      PEER_TICKETS: 10,
    },
  });
  await until('an answer', () => get('/api/tickets/availability'));
};

const stop = async () => {
  const ended = once(shop.process, 'exit', { signal: AbortSignal.timeout(DEADLINE_MS) });
  shop.process.kill('SIGTERM');
  await ended;
};

const get = async (path) => (await fetch(`http://127.0.0.1:${shop.port}${path}`)).json();

const buy = (userId, key) =>
  fetch(`http://127.0.0.1:${shop.port}/api/tickets/buy`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
    body: JSON.stringify({ userId }),
  });

before(async () => {
  const server = process.env.STAMPEDE_TEST_POSTGRES_URL;
  assert.ok(server, 'run it by `ops/servers/with npm test --prefix load-tests/peers`, which starts the servers');
  const postgres = new pg.Client(server);
  await postgres.connect();
  await postgres.query(`CREATE DATABASE ${name}`);
  await postgres.end();
  shop.url = server.replace(/\/[^/]*$/, `/${name}`);
  shop.port = await freePort();
  await start();
});
after(stop);

test('the same key is the same order', async () => {
  const key = '01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b';
  assert.equal((await buy('eva', key)).status, 202);
  assert.equal((await buy('eva', key)).status, 202);
  assert.deepEqual(await get('/api/tickets/availability'), { available: 9, total: 10 });
  await until('it is written', async () => (await get(`/api/orders/${key}`)).status === 'confirmed');
});

test('a body that is none of ours and a key that is no UUIDv7 are refused', async () => {
  assert.equal((await buy('')).status, 400);
  assert.equal((await buy('eva', 'mine')).status, 422);
});

test('thirty want the last nine, nine get one, all are written, also over a restart', async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, (_, number) => buy(`buyer-${number}`)));
  const count = (status) => answers.filter((answer) => answer.status === status).length;
  assert.deepEqual([count(202), count(409)], [9, 21]);
  await stop();
  await start();
  await until('ten rows', async () => (await get('/audit')).orders === 10);
  assert.deepEqual(await get('/audit'), { promised: 10, orders: 10, units: 10 });
});
