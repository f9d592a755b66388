// The sale of the seed: six phases, 15 minutes, up to 50,000 requests a second at scale 1. The sale opens with the third.

import { run } from '../k6/run.js';
import { SPIKE } from '../k6/shapes.js';

export const { options, setup, visit, teardown, handleSummary } = run(SPIKE);
