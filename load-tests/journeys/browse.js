// Somebody who looks: the page of the event, and after a while how many tickets are left.

import { checkAvailability, checkPage } from '../k6/checks.js';

export const browse = {
  name: 'browse',
  // Requests and tickets of an average visit, before the sale, while it sells, and when it is sold out: plans are made of it.
  requests: { before: 2, selling: 2, soldOut: 2 },
  units: 0,
  visit(visitor) {
    checkPage(visitor, visitor.ask.page());
    visitor.think(2);
    checkAvailability(visitor, visitor.ask.availability());
  },
};
