// For everyone: any width, any input device, any eyes, both languages, a slow line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, tooWide, violations } from './eyes.mjs';
import { picture, story } from './harness.mjs';
import { buy, eventPath, fill, form, landedOrder, notice, openEvent, opensTickets, seesConfirmed, sendUnchecked } from './steps.mjs';
import { words } from './words.mjs';

const WEIGHT_LIMIT_BYTES = 60 * 1024;

/** The pages every visitor can meet, each with the way to it; the language is the visitor's. */
const sights = {
  event: (page, lang) => page.goto(eventPath(lang)),
  'event-with-mistakes': async (page, lang) => {
    await page.goto(eventPath(lang));
    await fill(page, { quantity: 1, email: 'no-address' }, lang);
    await sendUnchecked(page, lang);
    await notice(page, words[lang].mistakes).waitFor();
  },
  order: async (page, lang) => {
    await page.goto(eventPath(lang));
    await buy(page, { quantity: 1 }, lang);
    await seesConfirmed(page, lang);
  },
  tickets: async (page, lang) => {
    await page.goto(eventPath(lang));
    await buy(page, { quantity: 2, name: 'Zoë Größenwahn' }, lang);
    await seesConfirmed(page, lang);
    await opensTickets(page, lang);
  },
  'not-found': (page, lang) => page.goto(`/${lang}/no-such-page`),
};

for (const lang of ['en', 'de']) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing, ${lang}, ${colorScheme}`, story({}, async ({ visitor }) => {
      const context = await visitor({ colorScheme, reducedMotion: 'reduce' });
      for (const [name, go] of Object.entries(sights)) {
        const page = await context.newPage();
        await go(page, lang);
        await picture(page, `${name}-${lang}-${colorScheme}`);
        assert.deepEqual(await violations(page), [], name);
        await page.close();
      }
    }));
  }
}

for (const [state, sale, before] of [
  ['before-the-sale', { opensIn: '1h' }],
  ['sold-out', { capacity: 2, vipCapacity: 0 }, (shop) => shop.sell(2)],
]) {
  test(`axe finds nothing ${state.replaceAll('-', ' ')}`, story(sale, async ({ shop, visitor }) => {
    await before?.(shop);
    for (const colorScheme of ['light', 'dark']) {
      const page = await openEvent(await visitor({ colorScheme, reducedMotion: 'reduce' }));
      await picture(page, `event-${state}-${colorScheme}`);
      assert.deepEqual(await violations(page), [], colorScheme);
    }
  }));
}

test('nothing scrolls sideways on a phone of 320 pixels', story({}, async ({ visitor }) => {
  const context = await visitor({ viewport: PHONE, hasTouch: true, isMobile: true });
  for (const lang of ['en', 'de']) {
    for (const [name, go] of Object.entries(sights)) {
      const page = await context.newPage();
      await go(page, lang);
      await picture(page, `${name}-${lang}-phone`);
      assert.deepEqual(await tooWide(page), [], `${name}, ${lang}`);
      await page.close();
    }
  }
}));

test('a ticket is bought with the keyboard alone, and one always sees where one is', story({}, async ({ visitor }) => {
  const page = await openEvent(await visitor());
  const fields = form(page);

  await tabTo(page, fields.chosenQuantity);
  await page.keyboard.press('ArrowRight');
  assert.equal(await fields.chosenQuantity.inputValue(), '2');
  await tabTo(page, fields.name);
  await page.keyboard.type('Ada Lovelace');
  await tabTo(page, fields.email);
  await page.keyboard.type('ada@example.com');
  await tabTo(page, fields.buy);
  await page.keyboard.press('Enter');

  await landedOrder(page);
  await seesConfirmed(page);
}));

test('each language speaks for itself, and a visitor gets their own', story({}, async ({ visitor }) => {
  for (const [locale, lang] of [['de-AT', 'de'], ['en-GB', 'en'], ['fr-FR', 'en']]) {
    const page = await (await visitor({ locale })).newPage();
    await page.goto('/');
    assert.equal(await page.locator('html').getAttribute('lang'), lang, `for ${locale}`);
    await page.getByRole('main').getByText(words[lang].price).first().waitFor();
  }

  const page = await openEvent(await visitor({ locale: 'en-GB' }), 'de');
  await page.getByRole('link', { name: /english/i }).click();
  await page.waitForURL((url) => url.pathname.startsWith('/en'));
  await page.getByRole('link', { name: /deutsch/i }).click();
  await page.waitForURL((url) => url.pathname.startsWith('/de'));
  await buy(page, { quantity: 1 }, 'de');
  assert.match(page.url(), /\/de\/orders\//);
  await seesConfirmed(page, 'de');
}));

test('a page that is not there says so with the right status and a way home', story({}, async ({ visitor }) => {
  const context = await visitor();
  for (const lang of ['en', 'de']) {
    const page = await context.newPage();
    const answer = await page.goto(`/${lang}/events/no-such-event`);
    assert.equal(answer.status(), 404);
    await page.getByRole('heading', { name: words[lang].notFound }).waitFor();
    await page.getByRole('main').getByRole('link').first().waitFor();
  }
}));

test('operators see the cast and the laws as tables that axe finds nothing in', story({}, async ({ shop, visitor }) => {
  await shop.sell(7);
  for (const colorScheme of ['light', 'dark']) {
    const page = await (await visitor({ colorScheme })).newPage();
    for (const [name, heading] of [['actors', 'The cast'], ['audit', 'The laws']]) {
      await page.goto(`${shop.opsUrl}/${name}`);
      await page.getByRole('heading', { name: heading }).waitFor();
      // The looks are there: a table without them has no lines.
      assert.notEqual(await page.locator('td').first().evaluate((cell) => getComputedStyle(cell).borderBottomStyle), 'none');
      await picture(page, `ops-${name}-${colorScheme}`);
      assert.deepEqual(await violations(page), [], `${name}, ${colorScheme}`);
    }
  }
}));

test('the event page weighs under 60 KB altogether', story({}, async ({ visitor }) => {
  const context = await visitor();
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  let weight_bytes = 0;
  devtools.on('Network.dataReceived', (part) => (weight_bytes += part.dataLength));
  await devtools.send('Network.enable');

  // Not "networkidle": the stream of live numbers stays open.
  await page.goto(eventPath(), { waitUntil: 'load' });
  assert.ok(weight_bytes > 0 && weight_bytes < WEIGHT_LIMIT_BYTES, `${weight_bytes} bytes`);
}));

/** Presses Tab until `field` has the focus, and checks on the way that the focus can be seen. */
async function tabTo(page, field) {
  const MOST_STOPS = 40;
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    await page.keyboard.press('Tab');
    // A round button's ring is drawn on what stands beside it or around it.
    const seen = await page.evaluate(() => {
      const focused = document.activeElement;
      const drawn = [focused, focused.nextElementSibling, focused.closest('label')].filter(Boolean);
      return drawn.map((part) => getComputedStyle(part)).some((s) => s.outlineStyle !== 'none' || s.boxShadow !== 'none');
    });
    assert.ok(seen, `the focus is invisible on ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))}`);
    if (await field.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`not reached with ${MOST_STOPS} times Tab`);
}
