// Two hours of the same, for what grows: memory, files, queues.

import { run } from '../k6/run.js';
import { SOAK } from '../k6/shapes.js';

export const { options, setup, visit, teardown, handleSummary } = run(SOAK);
