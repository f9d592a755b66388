// The curves of a run as one SVG: panels one above the other on the same time, phases as bands. Legible on light and dark, because
// the picture brings both and the reader's browser chooses. Pure.

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 132;
const PANEL = 104;
const GAP = 34;
const TOP = 82;

/** Draws `{ title, seconds, phases: [{ name, start_s, seconds }], panels, marks: [{ at_s, text }] }`; panels as `panelsOf` makes them. */
export function curve({ title, seconds, phases, panels, marks = [] }) {
  const shown = panels.filter(({ lines }) => lines.some(({ points }) => points.length));
  const height = TOP + shown.length * (PANEL + GAP) + 18;
  const x = (at_s) => LEFT + (Math.min(at_s, seconds) / seconds) * (WIDTH - LEFT - RIGHT);
  const body = [
    `<text class="title" x="${LEFT}" y="20">${escaped(title)}</text>`,
    ...phases.map((phase, at) => band(phase, at, x, height)),
    ...shown.map((panel, at) => drawn(panel, TOP + at * (PANEL + GAP), x)),
    ...marks.map((mark, at) => marked(mark, at, x, height)),
    axis(seconds, x, height),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">${STYLE}<rect class="ground" width="${WIDTH}" height="${height}" rx="8"/>${body.join('')}</svg>\n`;
}

/** The panels of a summary (run.js), and of samples of the shop (watch.mjs) where there are any. */
export function panelsOf(summary, samples = []) {
  const at = (of) => summary.curve.map((point) => [point.at_s, of(point)]);
  const sampled = (of) => samples.map((sample) => [sample.at_s, of(sample)]).filter(([, value]) => value !== undefined);
  const wanted = summary.phases.flatMap(({ start_s, seconds, wantedPerSecond }) => [[start_s, wantedPerSecond], [start_s + seconds, wantedPerSecond]]);
  const hasSamples = samples.length > 0;
  return [
    { name: 'requests a second', lines: [{ label: 'wanted', kind: 'dim', points: wanted }, { label: 'answered', kind: 'one', points: at(({ perSecond }) => perSecond) }] },
    { name: 'answer time, ms', log: true, lines: [{ label: 'p99', kind: 'two', points: at(({ p99_ms }) => p99_ms) }, { label: 'p50', kind: 'one', points: at(({ p50_ms }) => p50_ms) }] },
    { name: 'orders on their way: messages in mailboxes, tickets in flight', lines: [
      { label: 'in flight', kind: 'dim', points: sampled(({ inFlight }) => inFlight) },
      { label: 'OrderWriter', kind: 'two', points: sampled(({ writerDepth }) => writerDepth) },
      { label: 'Inventory', kind: 'one', points: sampled(({ inventoryDepth }) => inventoryDepth) },
    ] },
    { name: 'tickets', lines: [
      { label: hasSamples ? 'total' : '', kind: 'dim', points: sampled(({ total }) => total) },
      { label: 'sold', kind: 'two', points: sampled(({ sold }) => sold) },
      { label: 'promised', kind: 'one', points: [[0, 0], ...summary.curve.map(({ until_s, promised }) => [until_s, promised])] },
    ] },
    { name: 'CPU of web nodes, % of theirs', lines: [{ label: 'threshold', kind: 'dim', points: sampled(({ webThreshold }) => webThreshold) }, { label: 'mean', kind: 'two', points: sampled(({ webCpu }) => webCpu) }] },
  ];
}

function band({ name, start_s, seconds }, at, x, height) {
  const [from, to] = [x(start_s), x(start_s + seconds)];
  // A short phase has no room for its name in a line; every other name is written a line lower.
  const y = at % 2 ? 54 : 41;
  return `<rect class="band${at % 2}" x="${from.toFixed(1)}" y="60" width="${(to - from).toFixed(1)}" height="${height - 80}"/><text class="small" x="${(from + 3).toFixed(1)}" y="${y}">${escaped(name.replace('_', ' '))}</text>`;
}

function drawn({ name, log, lines }, top, x) {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => Number.isFinite(value) && (!log || value > 0));
  const most = nice(Math.max(...values, log ? 10 : 1), log);
  const least = log ? 10 ** Math.floor(Math.log10(Math.max(Math.min(...values, 1), 0.01))) : 0;
  const share = (value) => (log ? Math.log10(Math.max(value, least) / least) / Math.log10(most / least) : value / most);
  const y = (value) => top + PANEL - Math.min(1, Math.max(0, share(value))) * PANEL;
  const ticks = log ? powers(least, most) : [0, most / 2, most];
  const grid = ticks.map((tick) => `<path class="grid" d="M${LEFT} ${y(tick).toFixed(1)}H${WIDTH - RIGHT}"/><text class="small end" x="${LEFT - 6}" y="${(y(tick) + 3.5).toFixed(1)}">${short(tick)}</text>`);
  const paths = lines.filter(({ points }) => points.length).map(({ kind, points }) => `<path class="line ${kind}" d="${path(points, x, y)}"/>`);
  return `<text class="name" x="${LEFT}" y="${top - 7}">${escaped(name)}</text>${grid.join('')}${paths.join('')}${labels(lines, y, top + PANEL)}`;
}

/** At the right end of each line, moved apart where they would overlap. */
function labels(lines, y, bottom) {
  const wanted = lines.filter(({ label, points }) => label && points.length).map(({ label, kind, points }) => ({ label, kind, y: y(points.at(-1)[1]) }));
  wanted.sort((a, b) => a.y - b.y);
  for (let at = 1; at < wanted.length; at += 1) wanted[at].y = Math.max(wanted[at].y, wanted[at - 1].y + 13);
  // What was pushed below the panel pushes back, or it would stand in the next one.
  const beyond = Math.max(0, (wanted.at(-1)?.y ?? 0) - bottom);
  for (const label of wanted) label.y -= beyond;
  return wanted.map(({ label, kind, y: at }) => `<text class="small ${kind}" x="${WIDTH - RIGHT + 6}" y="${(at + 3.5).toFixed(1)}">${escaped(label)}</text>`).join('');
}

function path(points, x, y) {
  return points.map(([at_s, value], at) => `${at ? 'L' : 'M'}${x(at_s).toFixed(1)} ${y(value).toFixed(1)}`).join('');
}

function marked({ at_s, text }, at, x, height) {
  return `<path class="mark" d="M${x(at_s).toFixed(1)} 60V${height - 20}"/><text class="small marktext" x="${(x(at_s) + 4).toFixed(1)}" y="${TOP + 52 + (at % 4) * 15}">${escaped(text)}</text>`;
}

function axis(seconds, x, height) {
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600].find((each) => seconds / each <= 12) ?? 7200;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, at) => at * step);
  return ticks.map((tick) => `<text class="small middle" x="${x(tick).toFixed(1)}" y="${height - 4}">${tick} s</text>`).join('');
}

function nice(number, log) {
  const power = 10 ** Math.floor(Math.log10(number));
  if (log) return number > power ? power * 10 : power;
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((each) => each * power).find((each) => each >= number);
}

function powers(least, most) {
  const all = [];
  for (let tick = least; tick <= most * 1.001; tick *= 10) all.push(tick);
  return all;
}

function short(number) {
  if (number >= 1e6) return `${trimmed(number / 1e6)}M`;
  if (number >= 1e4) return `${trimmed(number / 1e3)}k`;
  return trimmed(number);
}

function trimmed(number) {
  return String(Number(number.toPrecision(3)));
}

export function escaped(text) {
  return String(text).replace(/[&<>"]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[letter]);
}

const STYLE = `<style>
.ground{fill:#fff}text{font:12px system-ui,sans-serif;fill:#1d2733}.title{font-size:15px;font-weight:600}.name{font-weight:600}.small{font-size:11px;fill:#52606d}
.end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:#d6dce2;fill:none}.band0{fill:#f1f4f7}.band1{fill:#e4eaf0}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.line.one{stroke:#0b6bcb}.line.two{stroke:#b4460f}.line.dim{stroke:#7b8794;stroke-dasharray:4 3}
text.one{fill:#0b6bcb}text.two{fill:#b4460f}text.dim{fill:#52606d}.mark{stroke:#6b21a8;stroke-dasharray:2 2;fill:none}.marktext{fill:#6b21a8;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
@media (prefers-color-scheme:dark){.ground{fill:#10161d}text{fill:#e6edf3}.small{fill:#a9b6c2}.grid{stroke:#2c3743}.band0{fill:#161e27}.band1{fill:#1c2630}
.line.one{stroke:#5db0ff}.line.two{stroke:#ff9d5c}.line.dim{stroke:#8b98a5}text.one{fill:#5db0ff}text.two{fill:#ff9d5c}text.dim{fill:#a9b6c2}.mark{stroke:#c99bff}.marktext{fill:#c99bff;stroke:#10161d}}
</style>`;
