// An ordinary evening: the same crowd for five minutes, far from any limit.

import { run } from '../k6/run.js';
import { STEADY } from '../k6/shapes.js';

export const { options, setup, visit, teardown, handleSummary } = run(STEADY);
