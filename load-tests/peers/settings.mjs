// Everything comes from the environment, so that several peers can stand beside each other on one Redis and one Postgres.

const number = (name, otherwise) => {
  const value = Number(process.env[name] ?? otherwise);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} is no number: ${process.env[name]}`);
  return value;
};

const needed = (name) => {
  if (!process.env[name]) throw new Error(`${name} is missing`);
  return process.env[name];
};

export const settings = {
  port: number('PEER_PORT', 3000),
  processes: number('PEER_PROCESSES', 2),
  tickets: number('PEER_TICKETS', 1_000_000),
  // How old an availability may be that a process answers with; 0: each request asks Redis.
  availabilityMs: number('PEER_AVAILABILITY_MS', 0),
  databaseUrl: needed('DATABASE_URL'),
  redisUrl: needed('REDIS_URL'),
  // One hash tag, so that everything the script touches is in one slot of a cluster.
  prefix: `{${process.env.PEER_PREFIX ?? 'peer'}}`,
};

export const keys = {
  free: `${settings.prefix}:free`,
  orders: `${settings.prefix}:orders`,
  order: (id) => `${settings.prefix}:order:${id}`,
};
