// One order of one visit: every attempt with the same key, and in the end what the buyer knows about it. Pure, but for the
// visitor it is handed.

import { check202, checkRefusal } from './checks.js';
import { freshKey } from './keys.js';
import { isWorthRepeating, kind, outcome } from './statuses.js';

/** An order that nobody has sent yet. */
export function newOrder(visitor, quantity, userId = visitor.name) {
  const body = JSON.stringify({ userId, quantity });
  return { key: freshKey(visitor.now(), visitor.random), body, quantity, sent: false, promised: false, unknown: false };
}

/** Sends it, `clicks` times at once with the same key; returns all answers. */
export function send(visitor, order, clicks = 1) {
  if (!order.sent) {
    // Counted before it is sent: a visit that is cut short leaves an order whose outcome nobody knows.
    order.sent = true;
    visitor.book.asked(order.quantity);
  }
  const answers = visitor.ask.buy(order, clicks);
  for (const answer of answers) {
    const said = outcome(answer);
    if (said === 'promised') {
      order.promised = true;
      check202(visitor, order, answer);
    } else {
      // A refusal after an unknown answer proves nothing about the first attempt: it stays unknown.
      if (said === 'unknown') order.unknown = true;
      if (kind('buy', answer) === 'answered') checkRefusal(visitor, answer);
    }
    visitor.book.answered(answer);
  }
  return answers;
}

/** Sends it until the answer is final, as often as `patience` allows; returns the last answer. */
export function insist(visitor, order, { attempts, wait }) {
  for (let attempt = 1; ; attempt += 1) {
    const [answer] = send(visitor, order);
    if (!isWorthRepeating(answer) || attempt === attempts) return answer;
    if (!wait(answer)) return answer;
  }
}

/** Says in the books how it ended. Call it once, last. */
export function close(visitor, order) {
  if (!order.sent) return;
  if (order.promised) visitor.book.promised(order.quantity);
  else if (!order.unknown) visitor.book.refused(order.quantity);
  // What is neither is the difference: unknown.
}
