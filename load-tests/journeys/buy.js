// Somebody who buys as one should: looks, orders one to three tickets, comes back when the shop says so and not before, and
// watches the order until it is confirmed.

import { checkAvailability, checkOrder } from '../k6/checks.js';
import { close, insist, newOrder } from '../k6/order.js';

const ATTEMPTS = 3;
const LOOKS = 5;

export const buy = {
  name: 'buy',
  requests: { before: 3, selling: 3, soldOut: 2 },
  units: 2,
  visit(visitor) {
    checkAvailability(visitor, visitor.ask.availability());
    visitor.think(2);
    const order = newOrder(visitor, 1 + Math.floor(visitor.random() * 3));
    const answer = insist(visitor, order, { attempts: ATTEMPTS, wait: (said) => visitor.waitAsTold(said) });
    close(visitor, order);
    if (answer.status === 202) watch(visitor, order);
  },
};

/** Looks where the order stands, a little later each time. Who is not told by the last look goes home with a promise. */
function watch(visitor, order) {
  const since = visitor.now();
  for (let look = 1; look <= LOOKS; look += 1) {
    visitor.wait(0.1 * look);
    if (checkOrder(visitor, order, visitor.ask.order(order)) === 'confirmed') {
      visitor.book.confirmedWithin(visitor.now() - since);
      return;
    }
  }
}
