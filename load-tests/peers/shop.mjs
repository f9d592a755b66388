// A ticket shop as many would build it in Node: Fastify, Redis, Postgres. This process opens the sale and keeps the others
// running: web processes that share one port, and one writer.

import cluster from 'node:cluster';
import { keys, settings } from './settings.mjs';
import { openPostgres, openRedis } from './stores.mjs';

const TABLE = `
  CREATE TABLE IF NOT EXISTS peer_orders (
    id uuid PRIMARY KEY,
    user_id text NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    asked_at timestamptz NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
  )`;

const open = async () => {
  const [redis, postgres] = [openRedis(), openPostgres(1)];
  await postgres.query(TABLE);
  // NX: what a sale has sold survives a restart of the processes.
  await redis.set(keys.free, settings.tickets, 'NX');
  await redis.xgroup('CREATE', keys.orders, 'writer', '0', 'MKSTREAM').catch((error) => {
    if (!String(error.message).startsWith('BUSYGROUP')) throw error;
  });
  await Promise.all([redis.quit(), postgres.end()]);
};

let closing = false;

const fork = (role) => {
  cluster.fork({ PEER_ROLE: role }).on('exit', (code, signal) => {
    if (closing) return;
    console.error(`the ${role} process ended (${signal ?? code}); another takes its place`);
    fork(role);
  });
};

// Each finishes what it has begun; this process ends with the last of them.
const close = () => {
  closing = true;
  for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
};

if (cluster.isPrimary) {
  await open();
  fork('writer');
  for (let i = 0; i < settings.processes; i += 1) fork('web');
  process.on('SIGTERM', close).on('SIGINT', close);
} else if (process.env.PEER_ROLE === 'writer') {
  await import('./writer.mjs');
} else {
  await import('./web.mjs');
}
