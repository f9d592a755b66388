// The sale as a visitor sees it change: before, open, nearly gone, sold out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, story } from './harness.mjs';
import { buy, canBuy, fill, form, notice, openEvent, seesConfirmed, shownFree } from './steps.mjs';
import { eventually } from './shop.mjs';
import { words } from './words.mjs';

// Long enough for a browser to open the page before the sale does, on a busy machine.
const SOON = '6s';
const SOON_MS = 6_000;

test('the countdown reaches zero and the button opens by itself, with what was typed before', story({ opensIn: SOON }, async ({ visitor }) => {
  const page = await openEvent(await visitor());
  const countdown = page.getByRole('timer');
  await countdown.waitFor();
  assert.equal(await canBuy(page), false);
  await fill(page, { quantity: 2, name: 'Early Bird' });
  await picture(page, 'event-before-the-sale');

  const before = await countdown.textContent();
  await eventually('the countdown runs', async () => (await countdown.textContent()) !== before);

  await eventually('the button is open', () => canBuy(page), 2 * SOON_MS);
  await picture(page, 'event-just-opened');
  assert.equal(await form(page).name.inputValue(), 'Early Bird');
  await buy(page, { name: null });
  await seesConfirmed(page);
}));

test('without scripts the page says when the sale opens, and a reload after that shows the form', story({ opensIn: SOON }, async ({ visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  assert.equal(await canBuy(page), false);
  assert.ok(await page.getByRole('main').locator('time[datetime]').count(), 'the opening is a time');

  await eventually('the form is open', async () => {
    await page.reload();
    return canBuy(page);
  }, 2 * SOON_MS);
  await buy(page, { quantity: 1 });
  await seesConfirmed(page, 'en', { reloading: true });
}));

test('the free tickets fall on an open page when others buy', story({ capacity: 1000 }, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());
  assert.equal(await shownFree(page), '1,000');
  await shop.sell(3);
  await eventually('the page shows 997', async () => (await shownFree(page)) === '997');
}));

test('the last tickets are told as the last', story({ capacity: 100 }, async ({ shop, visitor }) => {
  await shop.sell(97);
  const page = await openEvent(await visitor());
  await page.getByText(words.en.nearlyGone).waitFor();
  await picture(page, 'event-nearly-gone');
  await buy(page, { quantity: 3 });
  await seesConfirmed(page);
}));

for (const lang of ['en', 'de']) {
  test(`sold out is said plainly and offers no form (${lang})`, story({ capacity: 5, vipCapacity: 0 }, async ({ shop, visitor }) => {
    await shop.sell(5);
    const page = await openEvent(await visitor(), lang);
    await page.getByText(words[lang].soldOut).waitFor();
    assert.equal(await canBuy(page, lang), false);
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
  await notice(page, words.en.nothingFree).waitFor();
  await picture(page, 'event-too-late');
  assert.equal((await shop.orders()).length, 1);
}));

test('who wants more than are left is told how many are left, and gets them', story({ capacity: 5 }, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await fill(page, { quantity: 3 });
  await shop.sell(3);

  await form(page).buy.click();
  await page.getByText(words.en.twoFree).waitFor();
  await buy(page, { quantity: 2 });
  await seesConfirmed(page, 'en', { reloading: true });
  assert.equal((await shop.availability()).available, 0);
}));

test('an open page follows the sale being paused and resumed', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());
  await form(page).buy.waitFor();

  await shop.run('sale', 'pause');
  await page.getByText(words.en.paused).waitFor();
  assert.equal(await canBuy(page), false);
  await picture(page, 'event-paused');

  await shop.run('sale', 'resume');
  await eventually('the form is open again', () => canBuy(page));
  await buy(page, { quantity: 1 });
  await seesConfirmed(page);
}));
