// A program that wants more than it may have: one buyer, six tickets an order, a new order at once whatever the answer was.
// It meets the limit of tickets a buyer, and the limit of attempts a second.

import { close, newOrder, send } from '../k6/order.js';

// More than a buyer may try in a second.
const TIMES = 8;
const MOST_AT_ONCE = 6;

export const bot = {
  name: 'bot',
  requests: { before: TIMES, selling: TIMES, soldOut: TIMES },
  // The first order is all that the limit lets it have.
  units: MOST_AT_ONCE,
  visit(visitor) {
    for (let time = 1; time <= TIMES; time += 1) {
      const order = newOrder(visitor, MOST_AT_ONCE);
      send(visitor, order);
      close(visitor, order);
    }
  },
};
