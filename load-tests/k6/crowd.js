// Who comes: a mixture of journeys by weight. Pure.

import { bot } from '../journeys/bot.js';
import { browse } from '../journeys/browse.js';
import { buy } from '../journeys/buy.js';
import { impatient } from '../journeys/impatient.js';
import { refresh } from '../journeys/refresh.js';

export const JOURNEYS = { browse, refresh, buy, impatient, bot };

// Visits in a hundred.
export const CROWDS = {
  idle: { browse: 60, refresh: 35, buy: 3, impatient: 1, bot: 1 },
  waiting: { browse: 30, refresh: 52, buy: 8, impatient: 7, bot: 3 },
  buying: { browse: 15, refresh: 25, buy: 42, impatient: 13, bot: 5 },
  late: { browse: 25, refresh: 45, buy: 15, impatient: 10, bot: 5 },
};

/** The journey that `chance` (in [0, 1)) falls on. */
export function oneOf(crowd, chance) {
  let left = chance * 100;
  for (const [name, weight] of Object.entries(CROWDS[crowd])) {
    left -= weight;
    if (left < 0) return JOURNEYS[name];
  }
  throw new Error(`the weights of the crowd "${crowd}" are less than 100`);
}

/** Requests of an average visit of this crowd, in this state of the sale. */
export function requestsPerVisit(crowd, state) {
  return average(crowd, (journey) => journey.requests[state]);
}

/** Tickets that an average visit buys while there are any. */
export function unitsPerVisit(crowd, state) {
  return state === 'selling' ? average(crowd, (journey) => journey.units) : 0;
}

function average(crowd, of) {
  return Object.entries(CROWDS[crowd]).reduce((sum, [name, weight]) => sum + (weight / 100) * of(JOURNEYS[name]), 0);
}
