// Somebody who wants to know it at once: asks for the numbers again and again, as the page does, and takes "not modified".

import { checkAvailability } from '../k6/checks.js';

const TIMES = 3;

export const refresh = {
  name: 'refresh',
  requests: { before: TIMES, selling: TIMES, soldOut: TIMES },
  units: 0,
  visit(visitor) {
    let etag;
    for (let time = 1; time <= TIMES; time += 1) {
      const answer = visitor.ask.availability(etag);
      checkAvailability(visitor, answer);
      etag = answer.etag ?? etag;
      if (time < TIMES) visitor.think(1);
    }
  },
};
