// One of the processes that answer. A buy is answered when Redis has taken it: not yet durable.

import { randomFillSync } from 'node:crypto';
import Fastify from 'fastify';
import { keys, settings } from './settings.mjs';
import { openPostgres, openRedis } from './stores.mjs';

const redis = openRedis();
const postgres = openPostgres(4);
const shop = Fastify({ logger: false, bodyLimit: 16 * 1024, forceCloseConnections: 'idle' });

const text = (most) => ({ type: 'string', minLength: 1, maxLength: most });
const body = {
  type: 'object',
  required: ['userId'],
  additionalProperties: false,
  properties: {
    userId: text(128),
    quantity: { type: 'integer', minimum: 1, maximum: 6, default: 1 },
    ticketTypeId: text(64),
    name: text(200),
    email: text(254),
  },
};
// Schemas of answers are compiled: several times faster than JSON.stringify.
const taken = {
  type: 'object',
  properties: {
    orderId: { type: 'string' },
    status: { type: 'string' },
    statusUrl: { type: 'string' },
    quantity: { type: 'integer' },
    serverTime: { type: 'string' },
  },
};
const numbers = { type: 'object', properties: { available: { type: 'integer' }, total: { type: 'integer' } } };

let known = { available: settings.tickets, total: settings.tickets };
let knownUntil = 0;
let asking = null;

const ask = async () => {
  const free = await redis.get(keys.free);
  known = { available: Number(free), total: settings.tickets };
  knownUntil = performance.now() + settings.availabilityMs;
  asking = null;
  return known;
};

// Those who come while Redis is being asked wait for the same answer.
const availability = () => {
  if (settings.availabilityMs === 0) return ask();
  if (performance.now() < knownUntil) return known;
  asking ??= ask();
  return asking;
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

// Chance for many ids is fetched at once.
const pool = Buffer.alloc(10 * 256);
let used = pool.length;
const freshId = () => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const chance = pool.subarray(used, (used += 10));
  chance[0] = 0x70 | (chance[0] & 0x0f);
  chance[2] = 0x80 | (chance[2] & 0x3f);
  const hex = Date.now().toString(16).padStart(12, '0') + chance.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

shop.get('/api/tickets/availability', { schema: { response: { 200: numbers } } }, availability);

shop.post('/api/tickets/buy', { schema: { body, response: { 202: taken } } }, async (request, reply) => {
  const { userId, quantity } = request.body;
  const key = request.headers['idempotency-key'];
  if (key !== undefined && !uuid.test(key)) {
    return reply.code(422).send({ code: 'bad_key', detail: 'The Idempotency-Key is to be a UUIDv7.' });
  }
  const orderId = key ?? freshId();
  const now = Date.now();
  const answer = await redis.claim(keys.free, keys.order(orderId), keys.orders, orderId, quantity, userId, now);
  if (answer === 0) return reply.code(409).send({ code: 'sold_out', detail: 'There are not enough tickets left.' });
  const statusUrl = `/api/orders/${orderId}`;
  reply.code(202).header('location', statusUrl);
  return { orderId, status: 'pending', statusUrl, quantity, serverTime: new Date(now).toISOString() };
});

shop.get('/api/orders/:id', async (request, reply) => {
  const { id } = request.params;
  if (!uuid.test(id)) return reply.code(404).send({ code: 'not_found' });
  const { rowCount } = await postgres.query('SELECT FROM peer_orders WHERE id = $1', [id]);
  if (rowCount === 1) return { orderId: id, status: 'confirmed' };
  if (await redis.exists(keys.order(id))) return { orderId: id, status: 'pending' };
  return reply.code(404).send({ code: 'not_found' });
});

// For the bench: what was promised, and what is written of it.
shop.get('/audit', async () => {
  const { rows } = await postgres.query('SELECT count(*)::int AS orders, coalesce(sum(quantity), 0)::int AS units FROM peer_orders');
  const free = Number(await redis.get(keys.free));
  return { promised: settings.tickets - free, orders: rows[0].orders, units: rows[0].units };
});

process.on('SIGTERM', async () => {
  await shop.close();
  process.exit(0);
});

await shop.listen({ port: settings.port, host: '127.0.0.1' });
