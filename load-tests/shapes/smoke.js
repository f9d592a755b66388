// Twenty seconds that see everything once: before the sale, the sale, sold out. The quality gate of `make test`.

import { run } from '../k6/run.js';
import { SMOKE } from '../k6/shapes.js';

export const { options, setup, visit, teardown, handleSummary } = run(SMOKE);
