// Somebody who double-clicks, reloads, and sends the form again, with the same key each time, and waits for nothing. It is
// still one order.

import { checkPage } from '../k6/checks.js';
import { close, newOrder, send } from '../k6/order.js';

export const impatient = {
  name: 'impatient',
  requests: { before: 4, selling: 4, soldOut: 4 },
  units: 1,
  visit(visitor) {
    const order = newOrder(visitor, 1);
    const clicks = send(visitor, order, 2);
    checkPage(visitor, visitor.ask.page());
    const [again] = send(visitor, order);
    if (clicks.some(({ status }) => status === 202) && again.status === 202) {
      visitor.check('buy: a promise that is repeated says so', again.replayed);
    }
    close(visitor, order);
  },
};
