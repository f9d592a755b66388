// Redis with the claim as a command, and Postgres.

import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import pg from 'pg';
import { settings } from './settings.mjs';

const claim = readFileSync(new URL('./claim.lua', import.meta.url), 'utf8');

// Commands of one turn of the event loop travel together: the largest single gain for a busy Node process.
export const openRedis = (options = { enableAutoPipelining: true }) =>
  new Redis(settings.redisUrl, { ...options, scripts: { claim: { lua: claim, numberOfKeys: 3 } } });

export const openPostgres = (max) => new pg.Pool({ connectionString: settings.databaseUrl, max });
