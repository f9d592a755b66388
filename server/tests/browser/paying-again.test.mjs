// Whatever buyers do while they pay - click twice, go back, reload, open a second tab, close the browser - they pay once.
// And when the shop dies meanwhile, too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { story } from './harness.mjs';
import {
  booksAre, CARDS, fillsCard, givesCard, goesToBank, landsAtBank, orderButton, payButton, pays, reserves, sees, seesAfterLooking, standing, toCheckout,
} from './paying.mjs';
import { form, landedOrder, letterTo } from './steps.mjs';
import { words } from './words.mjs';

const said = words.en;
const ORGANIZER = 'the organizer who gives money back';

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts';
  test(`a double click orders once, and one on pay pays once, ${how}`, story({}, async ({ shop, visitor }) => {
    const page = await toCheckout(await visitor({ javaScriptEnabled }));
    await form(page).email.fill('ada@example.com');
    await orderButton(page).dblclick();
    const order = await landedOrder(page);
    await seesAfterLooking(page, said.held);

    await payButton(page).dblclick();
    await landsAtBank(page);
    await fillsCard(page, CARDS.pays);
    await page.getByRole('button', { name: said.payAtBank }).dblclick();
    await seesAfterLooking(page, said.paid);
    assert.equal((await standing(shop, page)).attempt, 1);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));

  test(`two tabs of an order pay it once, ${how}`, story({}, async ({ shop, visitor }) => {
    const context = await visitor({ javaScriptEnabled });
    const { page: left, order } = await reserves(context);
    const right = await context.newPage();
    await right.goto(left.url());
    await Promise.all([payButton(left).click(), payButton(right).click()]);
    await Promise.all([landsAtBank(left), landsAtBank(right)]);
    assert.equal(left.url(), right.url(), 'it is one payment');

    await Promise.all([fillsCard(left, CARDS.pays), fillsCard(right, CARDS.alsoPays)]);
    await Promise.all([left, right].map((tab) => tab.getByRole('button', { name: said.payAtBank }).click()));
    await Promise.all([seesAfterLooking(left, said.paid), seesAfterLooking(right, said.paid)]);
    assert.equal((await standing(shop, left)).attempt, 1);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));

  test(`whoever goes back after paying sees that it is paid, ${how}`, story({}, async ({ shop, visitor }) => {
    const { page, order } = await reserves(await visitor({ javaScriptEnabled }));
    await pays(page);
    await seesAfterLooking(page, said.paid);
    // To the bank's page, and from there to the page that had the button.
    for (const step of ['the bank', 'the button']) {
      await page.goBack();
      await sees(page, said.paid);
      assert.equal(await payButton(page).count(), 0, `nothing to pay after going back to ${step}`);
    }
    assert.equal((await standing(shop, page)).attempt, 1);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));

  test(`reloading while paying changes nothing, ${how}`, story({}, async ({ shop, visitor }) => {
    const { page, order } = await reserves(await visitor({ javaScriptEnabled }));
    await page.reload();
    await goesToBank(page);
    await page.reload();
    await givesCard(page, CARDS.slow);
    await seesAfterLooking(page, said.checking);
    await page.reload();
    await seesAfterLooking(page, said.paid);
    await page.reload();
    await sees(page, said.paid);
    assert.equal((await standing(shop, page)).attempt, 1);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));
}

test('a tab from before a decline begins no payment of its own', story({}, async ({ shop, visitor }) => {
  const context = await visitor({ javaScriptEnabled: false });
  const { page, order } = await reserves(context);
  const old = await context.newPage();
  await old.goto(page.url());
  await pays(page, CARDS.declined);
  await seesAfterLooking(page, said.declined);

  await payButton(old).click();
  await sees(old, said.declined);
  assert.equal((await standing(shop, old)).attempt, 1);
  await pays(old);
  await seesAfterLooking(old, said.paid);
  await page.reload();
  await sees(page, said.paid);
  await booksAre(shop, { [order]: 'confirmed' }, 4999);
}));

test('whoever closes the browser while paying goes on by the link, and a stranger cannot', story({}, async ({ shop, visitor }) => {
  const context = await visitor();
  const { page, order } = await reserves(context);
  const link = page.url();
  await goesToBank(page);
  const payment = page.url();
  await context.close();

  const stranger = await (await visitor()).newPage();
  await stranger.goto(`/en/orders/${order}`);
  await sees(stranger, said.beingPaid);
  assert.equal(await stranger.getByRole('link', { name: said.continuePaying }).count(), 0);
  assert.equal((await stranger.content()).includes('Ada Lovelace'), false);

  const elsewhere = await (await visitor()).newPage();
  await elsewhere.goto(link);
  await sees(elsewhere, said.payAtTheBank);
  await elsewhere.getByRole('link', { name: said.continuePaying }).click();
  await landsAtBank(elsewhere);
  assert.equal(elsewhere.url().split('?')[0], payment.split('?')[0], 'the payment that was begun');
  await givesCard(elsewhere, CARDS.pays);
  await seesAfterLooking(elsewhere, said.paid);
  await booksAre(shop, { [order]: 'confirmed' }, 4999);
}));

test('a shop that dies while its buyers are at the bank forgets no payment', story({}, async ({ shop, visitor }) => {
  const typing = await reserves(await visitor());
  await goesToBank(typing.page);
  const waiting = await reserves(await visitor({ javaScriptEnabled: false }), { email: 'grace@example.com' });
  await pays(waiting.page, CARDS.slow);
  await sees(waiting.page, said.checking);
  await shop.crash();

  await givesCard(typing.page, CARDS.pays);
  await seesAfterLooking(typing.page, said.paid);
  await waiting.page.reload();
  await seesAfterLooking(waiting.page, said.paid, 30_000);
  for (const { page } of [typing, waiting]) assert.equal((await standing(shop, page)).attempt, 1);
  await booksAre(shop, { [typing.order]: 'confirmed', [waiting.order]: 'confirmed' }, 4998);
}));

test('whoever gets the money back is told so, and has no tickets any more', story({ organizerToken: ORGANIZER }, async ({ shop, visitor }) => {
  const { page, order } = await reserves(await visitor(), { quantity: 2 });
  await pays(page);
  await seesAfterLooking(page, said.paid);
  const tickets = await page.getByRole('link', { name: said.toYourTickets }).getAttribute('href');

  const refund = (token) => fetch(`${shop.url}/api/v1/orders/${order}/refund`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'The concert is called off' }),
  });
  assert.equal((await refund('somebody else altogether')).status, 403);
  assert.equal((await refund(ORGANIZER)).status, 202);
  assert.equal((await refund(ORGANIZER)).status, 202, 'asked twice it is done once');

  await page.reload();
  await sees(page, said.moneyBack);
  await page.getByText(/^(On its way|Sent on)/).waitFor();
  assert.equal(await page.getByRole('link', { name: said.toYourTickets }).count(), 0);
  await page.goto(tickets);
  await sees(page, said.moneyBack);
  await booksAre(shop, { [order]: 'refunded' }, 5000);
  assert.match((await letterTo(shop, 'ada@example.com', said.moneyBackSubject)).text, /€1,002\.00/);
}));
