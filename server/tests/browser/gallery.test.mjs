// Every sample of every page, also of the states no test can bring about: for everyone's eyes, light and dark.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, picture } from './harness.mjs';
import { COLOUR_RULES, PHONE, tooWide, violations } from './eyes.mjs';
import { AXE, openGallery } from './gallery.mjs';

let gallery, pages;

before(async () => {
  gallery = await openGallery();
  pages = gallery.pages;
});

after(() => gallery?.close());

/** Pages looked at at a time: while one is drawn, axe thinks about another. */
const AT_ONCE = 4;
/** What the samples look like, for people: one a page is enough, and none unless somebody wants to look. */
const PICTURES = process.env.STAMPEDE_PICTURES === 'all';

async function eachPage(options, look) {
  const context = await (await browser()).newContext({ reducedMotion: 'reduce', ...options });
  const [left, broken] = [[...pages], {}];
  const visit = async () => {
    const page = await context.newPage();
    for (let name = left.shift(); name; name = left.shift()) {
      await page.goto(`${gallery.url}/${name}`);
      const complaints = await look(page, name);
      if (complaints.length) broken[name] = complaints;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visit));
  await context.close();
  assert.deepEqual(broken, {});
}

test('no sample of a page breaks a rule of axe, nor is hard to read in the dark', async () => {
  await eachPage({ colorScheme: 'light' }, async (page, name) => {
    await page.addScriptTag({ url: AXE });
    // Colours are the same in both languages.
    if (name.startsWith('en-')) return violations(page, undefined, COLOUR_RULES);
    if (PICTURES) await picture(page, `gallery-${name.replace('.html', '')}-light`);
    const light = await violations(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    if (PICTURES) await picture(page, `gallery-${name.replace('.html', '')}-dark`);
    const dark = await violations(page, COLOUR_RULES);
    await page.emulateMedia({ colorScheme: 'light' });
    return [...light, ...dark.map((complaint) => `in the dark: ${complaint}`)];
  });
});

test('no sample of a page scrolls sideways on a phone of 320 pixels', async () => {
  await eachPage({ viewport: PHONE, isMobile: true, hasTouch: true }, tooWide);
});

test('the button says what the chosen type of ticket leads to, with and without a script', async () => {
  for (const javaScriptEnabled of [true, false]) {
    const context = await (await browser()).newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await page.goto(`${gallery.url}/en-event-two-types.html`);
    await page.getByRole('button', { name: /^Order tickets$/ }).waitFor();
    await page.getByRole('radio', { name: /^VIP Pass, €499\.00, pay online/ }).check();
    await page.getByRole('button', { name: /^On to checkout$/ }).waitFor();
    assert.ok(await page.getByText('Not binding yet').isVisible());
    await context.close();
  }
});
