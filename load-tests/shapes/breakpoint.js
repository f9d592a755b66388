// A climb until something gives. Tells which: dropped visits are the generator's end, slow or missing answers the system's.

import { run } from '../k6/run.js';
import { BREAKPOINT } from '../k6/shapes.js';

export const { options, setup, visit, teardown, handleSummary } = run(BREAKPOINT);
