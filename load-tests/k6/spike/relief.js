// When a node is added, and how long it takes until that helps: the thresholds of ops/README.md. Pure.

// A signal has to stay above its threshold for so long: one busy second is no reason, and a sale is over in minutes.
const FOR_S = 3;
// And below it for so long before it counts as relief.
const RELIEVED_FOR_S = 2;
// Before another node of the same kind is added: the last one has to have had its chance.
const PAUSE_S = 8;

/** Share, in %, of the CPU that web nodes may use, mean over nodes. Above two thirds, bursts begin to wait for the CPU. */
export const WEB_CPU = 70;
/** Backlog in seconds: tickets in flight divided by tickets sold a second. New orders are put off at 5. */
export const BACKLOG_S = 2;

const SIGNALS = [
  { kind: 'web', threshold: WEB_CPU, of: ({ webCpu }) => webCpu, says: (value) => `web nodes use ${value.toFixed(0)} % of their CPU` },
  { kind: 'writer', threshold: BACKLOG_S, of: ({ backlog_s }) => backlog_s, says: (value) => `the backlog is ${value.toFixed(1)} s` },
];

/** Watches samples `{ at_s, webCpu, backlog_s }` in their order. */
export class Watchman {
  #signals = SIGNALS.map((signal) => ({ ...signal, above: undefined, below: undefined, added_s: -Infinity, waiting: undefined }));
  /** `{ at_s, text }`, for the curve and the report. */
  events = [];
  /** `{ kind, tripped_s, ready_s, relieved_s }` of each node that was added. */
  reliefs = [];

  /** Takes a sample; returns the kinds of nodes to add now. */
  look(sample) {
    return this.#signals.filter((signal) => this.#trips(signal, sample)).map(({ kind }) => kind);
  }

  /** The node that was asked for is ready. */
  ready(kind, name, at_s) {
    const relief = this.reliefs.find((each) => each.kind === kind && each.ready_s === undefined);
    relief.ready_s = at_s;
    this.events.push({ at_s, text: `${name} is ready` });
  }

  #trips(signal, sample) {
    const value = signal.of(sample);
    if (value === undefined) return false;
    const { at_s } = sample;
    if (value >= signal.threshold) {
      signal.below = undefined;
      signal.above ??= at_s;
    } else {
      signal.above = undefined;
      signal.below ??= at_s;
      this.#relieves(signal, at_s);
    }
    if (signal.above === undefined || at_s - signal.above < FOR_S || at_s - signal.added_s < PAUSE_S) return false;
    signal.added_s = at_s;
    this.reliefs.push({ kind: signal.kind, tripped_s: at_s });
    this.events.push({ at_s, text: signal.says(value) });
    return true;
  }

  #relieves(signal, at_s) {
    if (at_s - signal.below < RELIEVED_FOR_S) return;
    for (const relief of this.reliefs) {
      // What went by before the node was there is not its doing.
      if (relief.kind !== signal.kind || relief.relieved_s !== undefined || relief.ready_s === undefined) continue;
      relief.relieved_s = Math.max(signal.below, relief.ready_s);
      this.events.push({ at_s: relief.relieved_s, text: `relief ${(relief.relieved_s - relief.tripped_s).toFixed(1)} s after` });
    }
  }
}
