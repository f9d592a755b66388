// The background worker: takes orders off the stream in batches and writes each batch with one statement. An order is taken
// off only when it is written, so a crash of this process loses none.

import { setTimeout as pause } from 'node:timers/promises';
import { keys } from './settings.mjs';
import { openPostgres, openRedis } from './stores.mjs';

const BATCH = 1_000;
const WAIT_MS = 1_000;
const AFTER_A_FAILURE_MS = 500;

const INSERT = {
  name: 'insert',
  text: `
    INSERT INTO peer_orders (id, user_id, quantity, asked_at)
    SELECT id, user_id, quantity, to_timestamp(asked_at / 1000.0)
    FROM UNNEST($1::uuid[], $2::text[], $3::int[], $4::bigint[]) AS new (id, user_id, quantity, asked_at)
    ON CONFLICT DO NOTHING`,
};

// A connection of its own: it blocks while there is nothing to do.
const redis = openRedis({});
const postgres = openPostgres(1);

const read = async (from) => {
  const answer = await redis.xreadgroup(
    'GROUP', 'writer', 'only', 'COUNT', BATCH, 'BLOCK', WAIT_MS, 'STREAMS', keys.orders, from);
  return answer === null ? [] : answer[0][1];
};

// Fields come as the script has put them: i id, q quantity, u user, t time.
const write = async (entries) => {
  const column = (place) => entries.map(([, fields]) => fields[place]);
  await postgres.query({ ...INSERT, values: [column(1), column(5), column(3), column(7)] });
  const ids = entries.map(([id]) => id);
  await redis.multi().xack(keys.orders, 'writer', ...ids).xdel(keys.orders, ...ids).exec();
};

// What was read and not written by then is read again after the next start.
let closing = false;
process.on('SIGTERM', () => {
  closing = true;
});

// First what was read before a crash and never acknowledged, then what is new.
let from = '0';
while (!closing) {
  try {
    const entries = await read(from);
    if (entries.length > 0) await write(entries);
    else from = '>';
  } catch (error) {
    console.error(`a batch was not written: ${error.message}`);
    from = '0';
    await pause(AFTER_A_FAILURE_MS);
  }
}
process.exit(0);
