// One buyer, one order: with scripts and without, however often the button is pressed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, story } from './harness.mjs';
import { buy, eventPath, fill, form, landedOrder, notice, openEvent, seesConfirmed, sendUnchecked } from './steps.mjs';
import { words } from './words.mjs';

test('a ticket is bought with scripts and seen confirmed', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor());

  const order = await buy(page, { quantity: 2, email: 'ada@example.com' });
  await seesConfirmed(page);
  await picture(page, 'order-confirmed');

  assert.deepEqual((await shop.orders()).map((row) => row.order_id), [order]);
  assert.equal((await shop.availability()).available, 998);
}));

test('a ticket is bought without scripts and seen confirmed', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await picture(page, 'event-without-scripts');

  const order = await buy(page, { quantity: 3 });
  await seesConfirmed(page, 'en', { reloading: true });

  assert.deepEqual((await shop.orders()).map((row) => row.order_id), [order]);
  assert.equal((await shop.availability()).available, 997);
}));

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts';
  test(`a double click is one order, ${how}`, story({}, async ({ shop, visitor }) => {
    const page = await openEvent(await visitor({ javaScriptEnabled }));
    await fill(page, { quantity: 2 });

    await form(page).buy.dblclick();
    const order = await landedOrder(page);
    await seesConfirmed(page, 'en', { reloading: !javaScriptEnabled });

    assert.deepEqual((await shop.orders()).map((row) => row.order_id), [order]);
    assert.equal((await shop.availability()).available, 998);
  }));
}

test('the same form sent five times at once is one order', story({}, async ({ shop, visitor }) => {
  const context = await visitor();
  const page = await openEvent(context);
  const wish = {
    key: await form(page).key.inputValue(),
    ticketTypeId: await form(page).ticketTypeId.inputValue(),
    quantity: '2',
    name: 'Ada Lovelace',
    email: '',
  };

  const send = () =>
    context.request.post(`${eventPath()}/orders`, { form: wish, headers: { origin: shop.url }, maxRedirects: 0 });
  const answers = await Promise.all(Array.from({ length: 5 }, send));

  assert.deepEqual(answers.map((answer) => answer.status()), Array(5).fill(303));
  const [location, ...others] = new Set(answers.map((answer) => answer.headers().location));
  assert.deepEqual(others, [], 'all five lead to the same order');
  await page.goto(location);
  await seesConfirmed(page);
  assert.equal((await shop.orders()).length, 1);
}));

test('the signed link shows the order to a browser without cookies, and the bare id tells no details', story({}, async ({ visitor }) => {
  const page = await openEvent(await visitor());
  const order = await buy(page, { quantity: 1, name: 'Grace Hopper' });
  await seesConfirmed(page);

  const elsewhere = await (await visitor()).newPage();
  await elsewhere.goto(page.url());
  await seesConfirmed(elsewhere);
  await elsewhere.getByText('Grace Hopper').waitFor();

  const stranger = await (await visitor()).newPage();
  await stranger.goto(`/en/orders/${order}`);
  await stranger.getByRole('main').waitFor();
  assert.equal((await stranger.content()).includes('Grace Hopper'), false);
}));

test('a mistake is named beside its field and in a summary, and the input is kept', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await fill(page, { quantity: 2, name: 'Ada Lovelace', email: 'no-address' });

  await sendUnchecked(page);
  await notice(page, words.en.mistakes).getByRole('link').first().waitFor();

  const fields = form(page);
  assert.equal(await fields.email.getAttribute('aria-invalid'), 'true');
  assert.match(await fields.email.getAttribute('aria-describedby'), /error/);
  assert.equal(await fields.email.inputValue(), 'no-address');
  assert.equal(await fields.name.inputValue(), 'Ada Lovelace');
  assert.equal(await fields.chosenQuantity.inputValue(), '2');
  assert.equal((await shop.orders()).length, 0);

  await buy(page, { email: 'ada@example.com' });
  await seesConfirmed(page, 'en', { reloading: true });
}));

test('a form from another site is refused', story({}, async ({ shop, visitor }) => {
  const context = await visitor();
  const page = await openEvent(context);
  const wish = {
    key: await form(page).key.inputValue(),
    ticketTypeId: await form(page).ticketTypeId.inputValue(),
    quantity: '1',
  };

  for (const headers of [{ origin: 'https://elsewhere.example' }, { 'sec-fetch-site': 'cross-site', origin: shop.url }]) {
    const answer = await context.request.post(`${eventPath()}/orders`, { form: wish, headers, maxRedirects: 0 });
    assert.equal(answer.status(), 403);
  }
  assert.equal((await shop.availability()).available, 1000);
}));
