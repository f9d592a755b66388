// Every sample of every page, also of the states no test can bring about: for everyone's eyes, light and dark.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, picture } from './harness.mjs';
import { COLOUR_RULES, PHONE, tooWide, violations } from './eyes.mjs';
import { openGallery } from './gallery.mjs';

let gallery, pages;

before(async () => {
  gallery = await openGallery();
  pages = gallery.pages;
});

after(() => gallery?.close());

async function eachPage(names, options, look) {
  const context = await (await browser()).newContext(options);
  const broken = {};
  const page = await context.newPage();
  for (const name of names) {
    await page.goto(`${gallery.url}/${name}`);
    const complaints = await look(page, name.replace('.html', ''));
    if (complaints.length) broken[name] = complaints;
  }
  await context.close();
  assert.deepEqual(broken, {});
}

test('no sample of a page breaks a rule of axe', async () => {
  await eachPage(pages, { colorScheme: 'light', reducedMotion: 'reduce' }, async (page, name) => {
    await picture(page, `gallery-${name}-light`);
    return violations(page);
  });
});

test('no sample of a page is hard to read in the dark', async () => {
  // Colours are the same in both languages.
  const once = pages.filter((name) => !name.startsWith('en-'));
  await eachPage(once, { colorScheme: 'dark', reducedMotion: 'reduce' }, async (page, name) => {
    await picture(page, `gallery-${name}-dark`);
    return violations(page, COLOUR_RULES);
  });
});

test('no sample of a page scrolls sideways on a phone of 320 pixels', async () => {
  await eachPage(pages, { viewport: PHONE, isMobile: true, hasTouch: true }, tooWide);
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
