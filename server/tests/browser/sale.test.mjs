// The sale as a visitor sees it change: before, open, nearly gone, sold out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, story } from './harness.mjs';
import { buy, eventPath, fill, form, openEvent, seesConfirmed } from './steps.mjs';
import { eventually } from './shop.mjs';
import { words } from './words.mjs';

// Long enough for a browser to open the page before the sale does, on a busy machine.
const SOON = '6s';
const SOON_MS = 6_000;

test('the countdown reaches zero and the form is there without a reload by hand', story({ opensIn: SOON }, async ({ visitor }) => {
  const page = await openEvent(await visitor());
  const countdown = page.getByRole('timer');
  await countdown.waitFor();
  assert.equal(await form(page).buy.count(), 0, 'nothing can be bought yet');
  await picture(page, 'event-before-the-sale');

  const before = await countdown.textContent();
  await eventually('the countdown runs', async () => (await countdown.textContent()) !== before);

  await form(page).buy.waitFor({ timeout: 2 * SOON_MS });
  await picture(page, 'event-just-opened');
  await buy(page, { quantity: 1 });
  await seesConfirmed(page);
}));

test('without scripts the page says when the sale opens, and a reload after that shows the form', story({ opensIn: SOON }, async ({ visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  assert.equal(await form(page).buy.count(), 0);
  assert.ok(await page.getByRole('main').locator('time[datetime]').count(), 'the opening is a time');

  await eventually('the form is there', async () => {
    await page.reload();
    return (await form(page).buy.count()) > 0;
  }, 2 * SOON_MS);
  await buy(page, { quantity: 1 });
  await seesConfirmed(page, 'en', { reloading: true });
}));

test('the free tickets fall on an open page when others buy', story({ capacity: 1000 }, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());
  await page.getByRole('main').getByText(/1,000/).first().waitFor();
  await shop.sell(3);
  await page.getByRole('main').getByText(/\b997\b/).first().waitFor();
}));

test('the last tickets are told as the last', story({ capacity: 100 }, async ({ shop, visitor }) => {
  await shop.sell(97);
  const page = await openEvent(await visitor());
  await page.getByRole('main').getByText(/\b3\b/).first().waitFor();
  await picture(page, 'event-nearly-gone');
  await buy(page, { quantity: 3 });
  await seesConfirmed(page);
}));

for (const lang of ['en', 'de']) {
  test(`sold out is said plainly and offers no form (${lang})`, story({ capacity: 5 }, async ({ shop, visitor }) => {
    await shop.sell(5);
    const page = await openEvent(await visitor(), lang);
    await page.getByRole('main').getByText(words[lang].soldOut).first().waitFor();
    assert.equal(await form(page, lang).buy.count(), 0);
    await picture(page, `event-sold-out-${lang}`);
  }));
}

test('who comes too late with an open form is told so and keeps the next step', story({ capacity: 5 }, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await fill(page, { quantity: 2 });
  await shop.sell(5);

  const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
  await form(page).buy.click();
  assert.equal((await answered).status(), 409);
  await page.getByRole('main').getByText(words.en.soldOut).first().waitFor();
  await picture(page, 'event-too-late');
  assert.equal((await shop.orders()).length, 1);
}));

test('who wants more than are left is told how many are left, and gets them', story({ capacity: 5 }, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await fill(page, { quantity: 3 });
  await shop.sell(3);

  await form(page).buy.click();
  await page.getByRole('alert').getByText(/\b2\b/).waitFor();
  await buy(page, { quantity: 2 });
  await seesConfirmed(page, 'en', { reloading: true });
  assert.equal((await shop.availability()).available, 0);
}));

test('a paused sale says so, and is open again when it is resumed', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());
  await form(page).buy.waitFor();

  await shop.run('sale', 'pause');
  await eventually('the page offers no form', async () => {
    await page.goto(eventPath());
    return (await form(page).buy.count()) === 0;
  });
  await picture(page, 'event-paused');

  await shop.run('sale', 'resume');
  await eventually('the form is back', async () => {
    await page.goto(eventPath());
    return (await form(page).buy.count()) > 0;
  });
}));
