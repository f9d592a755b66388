// How many come, and when: rates in requests a second and times in seconds, both at scale 1. Pure, so that whoever prepares a shop
// for a run can ask how many tickets it will want.

const phase = (name, state, crowd, rate, seconds) => ({ name, state, crowd, rate, seconds });

export const SPIKE = {
  name: 'spike',
  phases: [
    phase('warm_up', 'before', 'idle', 1_000, 120),
    phase('presale', 'before', 'waiting', 10_000, 120),
    phase('opening', 'selling', 'buying', 50_000, 180),
    phase('sustained', 'selling', 'buying', 50_000, 300),
    phase('sold_out', 'soldOut', 'late', 20_000, 120),
    phase('cool_down', 'soldOut', 'idle', 1_000, 60),
  ],
};

export const SMOKE = {
  name: 'smoke',
  phases: [
    phase('before', 'before', 'waiting', 2_000, 4),
    phase('selling', 'selling', 'buying', 3_000, 10),
    phase('sold_out', 'soldOut', 'late', 2_000, 5),
  ],
};

export const STEADY = { name: 'steady', phases: [phase('steady', 'selling', 'buying', 10_000, 300)] };

export const SOAK = { name: 'soak', phases: [phase('soak', 'selling', 'buying', 5_000, 7_200)] };

export const BREAKPOINT = {
  name: 'breakpoint',
  phases: [{ ...phase('climb', 'selling', 'buying', 100_000, 600), from: 2_000 }],
  thresholds: {
    // The end of the climb: a twentieth of the answers slow, or visits that nobody was left to make.
    answer_time: [{ threshold: 'p(95)<2000', abortOnFail: true, delayAbortEval: '10s' }],
  },
};
