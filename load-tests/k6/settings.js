// What a run is told by environment variables, each with its default and its range. Pure: k6 passes `__ENV`, Node `process.env`.

/** All settings; throws the sentence that says which one is wrong. */
export function settings(env) {
  return {
    baseUrl: address(env, 'BASE_URL', 'http://127.0.0.1:8080'),
    // The operators' port of any one process: the audit is asked there.
    opsUrl: address(env, 'OPS_URL', 'http://127.0.0.1:9464'),
    event: env.EVENT || 'frequency-festival',
    // 1 is the sale of the seed: 50,000 requests a second, 15 minutes.
    rateScale: number(env, 'RATE_SCALE', 0.02, 0.0001, 100),
    timeScale: number(env, 'TIME_SCALE', 1, 0.001, 100),
    // Multiplies every limit on latency, for machines that do other things as well.
    latencyScale: number(env, 'LATENCY_SCALE', 1, 0.1, 1000),
    // Share of requests that may get no answer at all; more is the system's fault, unless the run is there to kill it.
    unanswered: number(env, 'UNANSWERED', 0.001, 0, 1),
    // The longest Retry-After, in seconds, that a buyer waits for. Longer, and they go away. Waiting takes a VU each.
    patience: number(env, 'PATIENCE', 5, 0, 3600),
    // How long, in seconds, the last orders may take to come to an end before the audit. An abandoned claim lives 35 s.
    quiet: number(env, 'QUIET', 60, 1, 3600),
    results: (env.RESULTS || '.').replace(/\/+$/, ''),
    testid: env.TESTID || 'unnamed',
  };
}

function number(env, name, otherwise, least, most) {
  const value = env[name] === undefined || env[name] === '' ? otherwise : Number(env[name]);
  if (!(value >= least && value <= most)) throw new Error(`${name} is "${env[name]}": a number from ${least} to ${most} is wanted`);
  return value;
}

function address(env, name, otherwise) {
  const value = (env[name] || otherwise).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]+/.test(value)) throw new Error(`${name} is no http address`);
  return value;
}
