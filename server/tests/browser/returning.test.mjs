// Tabs live longer than forms: back buttons, second tabs, a tab from the day before.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, story } from './harness.mjs';
import { buy, fill, form, holdKey, keyFrom, landedOrder, notice, openEvent, orderUrl, seesConfirmed } from './steps.mjs';
import { eventually } from './shop.mjs';
import { words } from './words.mjs';

const HOUR_MS = 3_600_000;

test('back and another quantity never changes the order that was made', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());
  const first = await buy(page, { quantity: 1 });
  await seesConfirmed(page);

  await page.goBack();
  await fill(page, { quantity: 3 });
  await form(page).buy.click();
  // Either the page was fetched afresh, and this is a second order, or the shop asks whether it should be one.
  const asked = notice(page, words.en.formUsed);
  await eventually('a second order, or a question', async () => {
    const elsewhere = orderUrl.test(page.url()) && !page.url().includes(first);
    return elsewhere || (await asked.isVisible());
  });
  if (await asked.isVisible()) await form(page).buy.click();
  const second = await landedOrder(page);
  await seesConfirmed(page);

  const quantities = Object.fromEntries((await shop.orders()).map((row) => [row.order_id, row.quantity]));
  assert.deepEqual(quantities, { [first]: '1', [second]: '3' });
}));

test('a used form with another quantity asks before it makes a second order', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());
  const key = await form(page).key.inputValue();
  const first = await buy(page, { quantity: 1 });
  await seesConfirmed(page);

  const tab = await openEvent(page.context());
  await holdKey(tab, key);
  await fill(tab, { quantity: 2 });
  await form(tab).buy.click();
  const toFirst = notice(tab, words.en.formUsed).getByRole('link');
  assert.match(await toFirst.getAttribute('href'), new RegExp(first));
  await picture(tab, 'event-already-ordered');
  assert.equal((await shop.orders()).length, 1);

  assert.notEqual(await form(tab).key.inputValue(), key);
  const second = await buy(tab, {});
  await seesConfirmed(tab);
  assert.notEqual(second, first);
  assert.equal((await shop.availability()).available, 997);
}));

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts';
  test(`a tab older than a day gets a fresh form with the input kept, ${how}`, story({}, async ({ shop, visitor }) => {
    const page = await openEvent(await visitor({ javaScriptEnabled }));
    const stale = keyFrom(25 * HOUR_MS);
    await holdKey(page, stale);
    await fill(page, { quantity: 4, name: 'Ada Lovelace', email: 'ada@example.com' });
    await form(page).buy.click();
    await eventually('the form is fresh', async () => (await form(page).key.inputValue()) !== stale);
    await notice(page, words.en.formStale).waitFor();
    await picture(page, 'event-stale-tab');

    const fields = form(page);
    assert.equal(await fields.chosenQuantity.inputValue(), '4');
    assert.equal(await fields.name.inputValue(), 'Ada Lovelace');
    assert.equal(await fields.email.inputValue(), 'ada@example.com');
    assert.equal((await shop.orders()).length, 0);

    await buy(page, {});
    await seesConfirmed(page, 'en', { reloading: !javaScriptEnabled });
    assert.equal((await shop.availability()).available, 996);
  }));
}

test('two tabs are two orders', story({}, async ({ shop, visitor }) => {
  const context = await visitor();
  const [left, right] = [await openEvent(context), await openEvent(context)];

  const first = await buy(left, { quantity: 1 });
  const second = await buy(right, { quantity: 2 });
  await seesConfirmed(left);
  await seesConfirmed(right);

  assert.notEqual(first, second);
  assert.deepEqual(new Set((await shop.orders()).map((row) => row.order_id)), new Set([first, second]));
}));

test('a second tab over the limit is told so in words', story({ limitPerBuyer: 2 }, async ({ shop, visitor }) => {
  const context = await visitor();
  const [left, right] = [await openEvent(context), await openEvent(context)];

  await buy(left, { quantity: 2, email: 'ada@example.com' });
  await seesConfirmed(left);
  await fill(right, { quantity: 1, email: 'Ada@Example.com' });
  await form(right).buy.click();

  await notice(right, words.en.overTheLimit).waitFor();
  await picture(right, 'event-over-the-limit');
  assert.equal((await shop.availability()).available, 998);
}));
