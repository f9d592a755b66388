// Live numbers, the countdowns, a guard against double clicks, the wait for an order. Every page works without it.
// The clock is the server's: its time at load plus what this device's stopwatch says since.

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const german = document.documentElement.lang === "de";
const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, german ? "." : ",");
const jitter = (ms) => ms * (0.7 + Math.random() * 0.6);

const sale = one("[data-sale]");
if (sale) live(sale);
all("[data-buy], [data-once]").forEach(guard);
const priced = one("[data-price]");
if (priced) total(priced), suit(priced);
const order = one("[data-order]");
if (order) follow(order);
if (order && order.dataset.poll) wait(order);
const hold = one("[data-hold]");
if (hold) countDown(hold);
all("[data-copy]").forEach(offerCopy);

function live(sale) {
  const d = sale.dataset;
  const wave = one("[data-wave]");
  const say = one("[data-announce]", sale);
  const button = one("[data-buy] [type=submit]");
  // The page's time is of when it left the server, not of when this script began.
  const [arrival] = performance.getEntriesByType("navigation");
  let ahead = Number(d.serverNow) - (arrival ? arrival.responseStart : performance.now());
  let opensAt = Number(d.opensAt);
  // Every type that can be chosen; the page's numbers are those of one.
  const types = new Map(all("[type=radio][name=ticketTypeId]").map((radio) => {
    const { state, opensAt } = radio.dataset;
    return [radio.value, { radio, state, opensAt: Number(opensAt) }];
  }));
  let told = d.state; // what the server said last
  let shown; // what the page says
  let heard = 0;
  let summed = performance.now();
  let lastAvailable = Number(d.available);
  const now = () => performance.now() + ahead;

  // A page from the back/forward cache or a slow line is older than it says; only a later server time is believed.
  const setClock = (iso) => {
    const fresh = Date.parse(iso) - performance.now();
    if (fresh > ahead) ahead = fresh;
  };

  const at = (state, opensAt) => (state === "not_open" && now() >= opensAt ? "on_sale" : state);
  const buyable = (state) => ["on_sale", "nearly_gone", "unknown"].includes(state);

  function show() {
    const state = at(told, opensAt);
    let chosen;
    for (const type of types.values()) {
      type.radio.disabled = type.state === "sold_out" || type.state === "over";
      if (type.radio.checked) chosen = at(type.state, type.opensAt);
    }
    if (state + chosen === shown) return;
    shown = state + chosen;
    all("[data-when]", sale).forEach((part) => { part.hidden = part.dataset.when !== state; });
    const open = buyable(chosen || state);
    if (button) {
      // Only the button changes: what is typed and where the focus stands stay as they are.
      if (button.getAttribute("aria-busy") !== "true") button.disabled = !open;
    } else {
      one("[data-back]", sale).hidden = !open;
    }
  }

  function take(json) {
    const message = JSON.parse(json);
    heard = performance.now();
    if (message.serverTime) setClock(message.serverTime);
    const list = message.ticketTypes || [];
    for (const { id, state, opensAt, available } of list) {
      const type = types.get(id);
      if (!type) continue;
      type.state = state;
      if (opensAt) type.opensAt = Date.parse(opensAt);
      const free = one("[data-free]", type.radio.parentElement);
      if (free) free.textContent = grouped(available);
    }
    const type = list.find((candidate) => candidate.id === d.id);
    if (!type) return;
    told = type.state;
    if (type.opensAt) opensAt = Date.parse(type.opensAt);
    for (const key of ["available", "inFlight", "sold"]) {
      const place = one(`[data-n="${key}"]`, sale);
      const text = grouped(type[key]);
      if (place.textContent !== text) place.textContent = text;
    }
    const stale = message.stale === true || type.state === "unknown";
    one("[data-numbers]", sale).classList.toggle("stale", stale);
    one("[data-stale]", sale).hidden = !stale;
    draw(type.sold, type.inFlight, type.total);
    // A screen reader hears the number once a minute, and only when it has moved.
    if (heard - summed > 60000 && type.available !== lastAvailable) {
      summed = heard;
      lastAvailable = type.available;
      say.textContent = say.dataset.summary.replace("{n}", grouped(type.available));
    }
    show();
  }

  let drawn = "";
  function draw(sold, inFlight, total) {
    const path = salePath(sold, inFlight, total);
    if (wave && path !== drawn && !document.hidden) wave.setAttribute("d", (drawn = path));
  }

  // The stream first; when it fails or falls silent, asking, with pauses that grow and differ from visitor to visitor.
  let source;
  let pause = 2000;
  const listen = () => {
    if (!window.EventSource) return ask();
    source = new EventSource(d.url + "/stream");
    source.addEventListener("availability", (event) => { pause = 2000; take(event.data); });
    source.onerror = () => { source.close(); setTimeout(ask, jitter(pause)); };
  };
  const ask = async () => {
    let again = (pause = Math.min(pause * 1.6, 30000));
    try {
      const answer = await fetch(d.url, { headers: { accept: "application/json" } });
      if (answer.ok) {
        take(await answer.text());
        // Every few answers the stream gets another chance.
        if (Math.random() < 0.2) return listen();
        again = pause = 3000;
      } else {
        again = Math.max(again, Number(answer.headers.get("retry-after") || 0) * 1000);
      }
    } catch { /* offline: the pause has grown already */ }
    setTimeout(ask, jitter(again));
  };
  setInterval(() => {
    if (source && source.readyState === 1 && heard && performance.now() - heard > 45000) {
      source.close();
      heard = 0;
      ask();
    }
  }, 15000);

  types.forEach(({ radio }) => radio.addEventListener("change", show));
  const clock = one("[data-countdown]", sale);
  const units = all("[data-unit]", clock).map((cell) => [Number(cell.dataset.unit), cell, one("b", cell)]);
  const tick = () => {
    show();
    let left = Math.max(0, Math.ceil((opensAt - now()) / 1000));
    let begun = false;
    for (const [size, cell, digits] of units) {
      const count = Math.floor(left / size);
      left -= count * size;
      begun = begun || count > 0 || size <= 60;
      cell.hidden = !begun;
      const text = size === 86400 ? String(count) : String(count).padStart(2, "0");
      if (digits.textContent !== text) digits.textContent = text;
    }
    clock.hidden = false;
    // Awake on the server's full second.
    setTimeout(tick, 1000 - (((now() - opensAt) % 1000) + 1000) % 1000 + 5);
  };
  tick();
  listen();
}

// The same drawing as web/src/wave.rs; change both together.
function salePath(sold, inFlight, capacity) {
  const share = (units) => (capacity ? Math.min(1, units / capacity) : 0);
  const soldTo = share(sold);
  const goneTo = share(sold + inFlight);
  let path = "";
  [4, 5, 6, 8, 10, 12, 15, 20, 24, 30].forEach((antinodes, line) => {
    const step = 1200 / antinodes;
    const half = step / 2;
    path += `M0 ${20 + 40 * line}`;
    for (let antinode = 0; antinode < antinodes; antinode++) {
      const from = (line + antinode / antinodes) / 10;
      const part = (to) => Math.min(1, Math.max(0, (to - from) * 10 * antinodes));
      const swing = Math.round(36 * (part(soldTo) + 0.4 * (part(goneTo) - part(soldTo))));
      path += swing ? `q${half}-${swing} ${step} 0q-${half} ${swing}-${step} 0m${step} 0` : `h${step}`;
    }
  });
  return path;
}

function guard(form) {
  let pressed;
  let label;
  const ready = () => {
    if (!pressed) return;
    pressed.removeAttribute("aria-busy");
    pressed.disabled = false;
    pressed.replaceChildren(...label);
    pressed = undefined;
  };
  form.addEventListener("submit", (event) => {
    if (pressed) return event.preventDefault();
    pressed = event.submitter || one("[type=submit]", form);
    label = [...pressed.childNodes];
    pressed.setAttribute("aria-busy", "true");
    pressed.textContent = pressed.dataset.busy;
    if ("pays" in form.dataset && !pressed.hasAttribute("formaction")) remember("pressed");
    // After this turn, so that the browser still counts the button as the one that was pressed.
    setTimeout(() => { pressed.disabled = true; });
    // No answer and no next page: the same key makes sending again harmless.
    setTimeout(ready, 15000);
  });
  // Back from the next page: the same key is still in the form; the server knows what became of it.
  window.addEventListener("pageshow", (event) => { if (event.persisted) ready(); });
}

function total(form) {
  const total = one("[data-total]", form);
  const sum = () => {
    const quantity = Number(new FormData(form).get("quantity"));
    total.hidden = !(quantity > 0) || all("[type=radio][name=ticketTypeId]", form).length > 0;
    const minor = quantity * Number(form.dataset.price);
    const decimals = /0[.,]00/.test(form.dataset.money);
    const digits = decimals
      ? grouped(Math.floor(minor / 100)) + (german ? "," : ".") + String(minor % 100).padStart(2, "0")
      : grouped(minor);
    one("output", total).textContent = form.dataset.money.replace(/0([.,]00)?/, digits);
  };
  form.addEventListener("input", sum);
  sum();
}

// Asks for what fits the type.
function suit(form) {
  const chips = all("[type=radio][name=quantity]", form);
  const fit = () => {
    const type = one("[name=ticketTypeId]:checked", form);
    if (!type) return;
    const { most, paid } = type.dataset;
    for (const name of all("[name=name]", form)) name.required = !paid;
    for (const count of all("[type=number]", form)) count.max = most;
    chips.forEach((chip, at) => { chip.disabled = at >= most; });
    if (chips.some((chip) => chip.checked && chip.disabled)) chips[most - 1].checked = true;
  };
  form.addEventListener("change", fit);
  window.addEventListener("pageshow", fit);
}

// What this tab remembers of the order whose page it shows; a browser may forbid it.
function remember(step) {
  try {
    if (step === undefined) return sessionStorage.getItem(order.dataset.id);
    sessionStorage.setItem(order.dataset.id, step);
  } catch { return undefined; }
}

// Whoever pressed the button in this tab and waited is taken on to the bank; whoever comes back later is asked.
function follow(order) {
  const step = remember();
  const payment = order.dataset.payment;
  if (payment === "opening" && step === "pressed") remember("waited");
  else if (payment !== "opening" && step) {
    remember("");
    if (payment === "open" && step === "waited") one("[data-continue]").click();
  }
  // Back from the bank: this page is of before.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

function wait(order) {
  const d = order.dataset;
  // Who is held or pays has another clock to look at; what another tab did may show a little later.
  const slow = d.status === "reserved" || d.payment === "open";
  let pause = slow ? 4000 : 1000;
  const look = async () => {
    try {
      const answer = await fetch(d.poll, { headers: { accept: "application/json" }, cache: "no-store" });
      if (answer.ok) {
        const { status, payment } = await answer.json();
        const moved = status !== d.status || (d.payment && payment && payment !== d.payment);
        if (status && status !== "unknown" && moved) return location.replace(location.pathname + location.search);
        pause = Math.min(pause * 1.1, slow ? 15000 : 5000);
      } else {
        pause = Math.max(Math.min(pause * 1.6, 15000), Number(answer.headers.get("retry-after") || 0) * 1000);
      }
    } catch { pause = Math.min(pause * 1.6, 15000); }
    setTimeout(look, jitter(pause));
  };
  setTimeout(look, jitter(pause));
}

// Never counts: each tick computes what is left, so a phone that slept wakes up to the truth. A stopwatch may stand still
// in sleep and a clock may be set back: whichever says that more time has gone is believed, and the server judges anyway.
function countDown(hold) {
  const clock = one("[data-clock]", hold);
  if (!clock) return; // over already: the wait finds out how it ended
  const say = one("[data-announce]");
  const late = one("[data-late]");
  const [arrival] = performance.getEntriesByType("navigation");
  // From the request on: on a slow line the clock is a little early, never late.
  const began = arrival ? arrival.requestStart : performance.now();
  const beganAt = Date.now() - performance.now() + began;
  const given = Number(hold.dataset.until) - Number(hold.dataset.serverNow);
  const left = () => given - Math.max(performance.now() - began, Date.now() - beganAt);
  let last = Infinity;
  let timer;
  const tick = () => {
    clearTimeout(timer);
    const seconds = Math.max(0, Math.ceil(left() / 1000));
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (clock.textContent !== text) clock.textContent = text;
    clock.hidden = false;
    for (const mark of [300, 120]) {
      if (last !== Infinity && last > mark && seconds <= mark && seconds > 60) say.textContent = hold.dataset["say-" + mark];
    }
    if (late && seconds <= 60) late.hidden = false;
    last = seconds;
    if (seconds > 0) {
      timer = setTimeout(tick, (left() % 1000) + 5);
    } else {
      document.removeEventListener("visibilitychange", tick);
      say.textContent = hold.dataset.over;
      // A moment for the shop to give the tickets back, different from buyer to buyer; once, the wait does the rest.
      const again = () => location.replace(location.pathname + location.search);
      setTimeout(() => (navigator.onLine ? again() : window.addEventListener("online", again, { once: true })), jitter(1500));
    }
  };
  document.addEventListener("visibilitychange", tick);
  tick();
}

function offerCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
    one("[data-announce]").textContent = button.dataset.done;
  });
}
