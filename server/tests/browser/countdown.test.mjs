// A hold's clock, and the way to the bank and back, on the gallery's pages with a clock that the test turns.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { browser } from './harness.mjs';
import { openGallery } from './gallery.mjs';
import { eventually } from './shop.mjs';

const ORDER = '0199b0df-1f02-7b44-8a0e-b0de99317c40';
// What the sample is held for when its page is rendered: 9 minutes 51 seconds.
const HELD_S = 591;

let gallery;
before(async () => {
  gallery = await openGallery({ [`/en/orders/${ORDER}/pay`]: '/en-order-paying-opening.html' });
});
after(() => gallery?.close());

/** Opens a sample under a clock that stands still until it is turned; the JSON says what `told` says. */
async function open(t, name, told = { status: 'reserved' }) {
  const context = await (await browser()).newContext({ reducedMotion: 'reduce' });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.clock.install({ time: new Date('2026-05-18T16:04:17Z') });
  await page.clock.pauseAt(new Date('2026-05-18T16:04:18Z'));
  const seen = { pages: 0, asked: 0, told };
  page.on('framenavigated', () => seen.pages++);
  await page.route(`**/api/v1/orders/${ORDER}`, (route) => {
    seen.asked++;
    return route.fulfill({ json: seen.told });
  });
  await page.goto(`${gallery.url}/${name}.html`);
  // The clock ticks a few milliseconds after each full second; the test looks between two ticks.
  await page.clock.runFor(100);
  return { page, seen, clock: page.getByRole('timer') };
}

/** Turns the clock second by second, so that everything that is due happens in its turn. */
const run = (page, seconds) => page.clock.runFor(seconds * 1000);

/**
 * Turns the clock until it is so: what the page asks for is answered in the machine's own time, however long that takes,
 * and only then the page sets its next alarm. A page that is being left has no clock to turn.
 */
const runUntil = (page, sentence, probe) => eventually(sentence, async () => {
  if (!(await probe())) await run(page, 1).catch(() => {});
  return probe();
}, 60_000);

test('the clock shows what is left and ticks', async (t) => {
  const { page, clock } = await open(t, 'en-order-reserved');
  assert.equal(await clock.textContent(), '9:51');
  await run(page, 1);
  assert.equal(await clock.textContent(), '9:50');
  await run(page, 50);
  assert.equal(await clock.textContent(), '9:00');
});

test('a phone that slept wakes up to the truth', async (t) => {
  const { page, clock } = await open(t, 'en-order-reserved');
  await page.clock.fastForward(6 * 60_000);
  assert.equal(await clock.textContent(), '3:51');
});

test('a clock set back gives no time, and a stopwatch that stood still takes none', async (t) => {
  const { page, clock } = await open(t, 'en-order-reserved');
  await run(page, 60);
  await page.clock.setSystemTime(new Date('2026-05-18T12:00:00Z'));
  await run(page, 2);
  assert.equal(await clock.textContent(), '8:49');
  // What a device's clock shows after a sleep in which the stopwatch stood still.
  await page.clock.setSystemTime(new Date('2026-05-18T16:12:18Z'));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  assert.equal(await clock.textContent(), '1:51');
});

test('a screen reader hears five minutes, two minutes and the end, and not every second', async (t) => {
  const { page } = await open(t, 'en-order-reserved');
  assert.equal(await page.getByRole('timer').getAttribute('aria-live'), null, 'a timer is silent of itself');
  await page.evaluate(() => {
    window.said = [];
    const place = document.querySelector('[data-announce]');
    new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true });
  });
  for (let minute = 0; minute < 9; minute++) await run(page, 60);
  await run(page, HELD_S - 9 * 60);
  const said = await page.evaluate(() => window.said);
  assert.deepEqual(said.map((text) => text.replace('\u00a0', ' ')), [
    '5 minutes left to pay.',
    '2 minutes left to pay.',
    'Time is up. We are looking at how it stands.',
  ]);
});

test('the last minute warns and offers more time, and not before', async (t) => {
  const { page } = await open(t, 'en-order-reserved');
  const more = page.getByRole('button', { name: /10\sminutes more/ });
  await run(page, HELD_S - 62);
  assert.equal(await more.isVisible(), false);
  await run(page, 3);
  assert.equal(await more.isVisible(), true);
  assert.match(await page.getByRole('alert').textContent(), /^Less than a minute/);
  assert.equal(await more.getAttribute('formaction'), `/en/orders/${ORDER}/extend`);
});

test('at zero the clock stops and the page is loaded anew, once', async (t) => {
  const { page, seen, clock } = await open(t, 'en-order-reserved-last-minute');
  await run(page, 41);
  assert.equal(await clock.textContent(), '0:00');
  assert.equal(seen.pages, 1);
  await runUntil(page, 'it is loaded anew', () => seen.pages > 1);
  assert.equal(seen.pages, 2);
});

test('a page that came out of time asks how it ended and does not load itself in circles', async (t) => {
  const { page, seen, clock } = await open(t, 'en-order-reserved-out-of-time');
  assert.equal(await clock.count(), 0);
  for (let second = 0; second < 30; second++) await run(page, 1);
  await runUntil(page, 'it asks', () => seen.asked > 0);
  assert.equal(seen.pages, 1);
});

test('what another tab did shows here too', async (t) => {
  const { page, seen } = await open(t, 'en-order-reserved', { status: 'confirmed' });
  await runUntil(page, 'it is loaded anew', () => seen.pages > 1);
  assert.equal(seen.pages, 2);
});

test('an answer that tells nothing new, or less, leaves the page alone', async (t) => {
  const { page, seen } = await open(t, 'en-order-checking', { status: 'paying' });
  for (let second = 0; second < 10; second++) await run(page, 1);
  await runUntil(page, 'it asks again and again', () => seen.asked > 2);
  assert.equal(seen.pages, 1);
});

test('whoever pressed pay and waits is taken on to the bank, once', async (t) => {
  const { page, seen } = await open(t, 'en-order-reserved', { status: 'paying', payment: 'open' });
  await page.getByRole('button', { name: /^Pay/ }).click();
  await page.waitForURL('**/en-order-paying-opening.html');
  // The provider has opened the payment: the same address now shows it.
  await page.route('**/en-order-paying-opening.html', (route) =>
    route.fulfill({ path: join(gallery.folder, 'en-order-paying.html') }),
  );
  await runUntil(page, 'it is at the bank', () => /\/bank\/payments\/pay_0199b0df$/.test(page.url()));
  // Back from the bank nobody is pushed there again.
  await page.goto(`${gallery.url}/en-order-paying-opening.html`);
  await run(page, 1);
  assert.match(page.url(), /paying-opening/);
  assert.ok(await page.getByRole('link', { name: 'Continue to the bank' }).isVisible());
  assert.ok(seen.asked > 0);
});

test('whoever opens the page of an open payment is asked, not pushed', async (t) => {
  const { page } = await open(t, 'en-order-paying', { status: 'paying', payment: 'open' });
  await run(page, 5);
  assert.match(page.url(), /en-order-paying\.html$/);
});

test('a second click on pay sends nothing again', async (t) => {
  const { page } = await open(t, 'en-order-reserved');
  const held = await page.getByRole('button', { name: /^Pay/ }).evaluate((button) => {
    const held = [];
    // After the page's own listener: what it lets through is noted, and goes nowhere.
    button.form.addEventListener('submit', (event) => {
      held.push(event.defaultPrevented);
      event.preventDefault();
    });
    button.click();
    button.click();
    return held;
  });
  assert.deepEqual(held, [false, true]);
  assert.equal(await page.locator('[aria-busy=true]').textContent(), 'Sending …');
});

test('giving the tickets back takes two steps, also without a script', async (t) => {
  const context = await (await browser()).newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${gallery.url}/en-order-reserved.html`);
  const giveBack = page.getByRole('button', { name: 'Yes, give them back' });
  assert.equal(await giveBack.isVisible(), false);
  await page.getByText('Changed your mind?').click();
  assert.equal(await giveBack.isVisible(), true);
  assert.ok(await page.getByText(/^That was 9\sminutes 51\sseconds from now/).isVisible());
  assert.ok(await page.getByRole('button', { name: /10\sminutes more/ }).isVisible(), 'more time without a script');
});
