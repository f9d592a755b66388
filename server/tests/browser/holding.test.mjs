// Passes are held for whoever is about to pay: longer when asked, no longer when given back or when the time is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violations } from './eyes.mjs';
import { picture, story } from './harness.mjs';
import {
  booksAre, CARDS, givesCard, goesToBank, orderButton, payButton, pays, reserves, sees, seesAfterLooking, standing, VIP,
} from './paying.mjs';
import { eventually } from './shop.mjs';
import { form, letterTo, notice, openEvent } from './steps.mjs';
import { words } from './words.mjs';

const said = words.en;
const FIVE_MINUTES_MS = 300_000;

const moreTime = (page) => page.getByRole('button', { name: said.moreTime });

/** In two steps, so that nobody does it by mistake. */
async function givesBack(page) {
  await page.getByText(said.changedYourMind).click();
  await page.getByRole('button', { name: said.giveBack }).click();
  await sees(page, said.givenBack);
}

test('whoever needs more time gets it, once', story({}, async ({ shop, visitor }) => {
  const { page, order } = await reserves(await visitor({ javaScriptEnabled: false }));
  const until = async () => Date.parse((await standing(shop, page)).holdUntil);
  const before = await until();
  await moreTime(page).click();
  await eventually('there is more time', async () => (await until()) === before + FIVE_MINUTES_MS);
  await sees(page, said.held);
  assert.equal(await moreTime(page).count(), 0);
  await pays(page);
  await seesAfterLooking(page, said.paid);
  await booksAre(shop, { [order]: 'confirmed' }, 4999);
}));

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts';
  test(`whoever gives passes back pays nothing, and others get them at once, ${how}`, story({}, async ({ shop, visitor }) => {
    const context = await visitor({ javaScriptEnabled });
    const { page, order } = await reserves(context, { quantity: 3 });
    const held = page.url();
    assert.equal(await shop.free(VIP), 4997);
    await givesBack(page);
    await page.getByText(/^The tickets are there for others again/).waitFor();
    await booksAre(shop, { [order]: 'cancelled' }, 5000);
    await page.goto(held);
    await sees(page, said.givenBack);
    assert.equal(await payButton(page).count(), 0);
  }));
}

test('the button of an old tab pays for nothing that was given back', story({}, async ({ shop, visitor }) => {
  const context = await visitor({ javaScriptEnabled: false });
  const { page, order } = await reserves(context);
  const old = await context.newPage();
  await old.goto(page.url());
  await givesBack(page);
  await payButton(old).click();
  await sees(old, said.givenBack);
  await booksAre(shop, { [order]: 'cancelled' }, 5000);
}));

test('whoever finds everything held is told that some may come back, and gets them', story({ vipCapacity: 2 }, async ({ shop, visitor }) => {
  const first = await reserves(await visitor(), { quantity: 2 });
  const context = await visitor();
  const page = await openEvent(context);
  const vip = page.getByRole('radio', { name: said.vip });
  assert.equal(await vip.isDisabled(), false, 'held is not sold');
  await page.getByText('0 available').or(page.getByText('0 free')).first().waitFor();

  const hopeful = await (await visitor({ javaScriptEnabled: false })).newPage();
  await hopeful.goto(`/en/events/frequency-festival/checkout?type=${VIP}&quantity=1`);
  await form(hopeful).name.fill('Grace Hopper');
  await form(hopeful).email.fill('grace@example.com');
  await orderButton(hopeful).click();
  await notice(hopeful, said.nothingFree).getByText(/may still come back/).waitFor();
  await picture(hopeful, 'paying-all-held');
  assert.deepEqual(await violations(page), []);
  assert.equal(await form(hopeful).email.inputValue(), 'grace@example.com');

  await givesBack(first.page);
  await eventually('they are free', async () => (await shop.free(VIP)) === 2);
  await orderButton(hopeful).click();
  await seesAfterLooking(hopeful, said.held);
  await pays(hopeful);
  await seesAfterLooking(hopeful, said.paid);
  const second = hopeful.url().match(/orders\/([0-9a-f-]{36})/)[1];
  await booksAre(shop, { [first.order]: 'cancelled', [second]: 'confirmed' }, 1);
}));

// The one story that waits for a minute to go by; four buyers share it.
test('after a minute of holding the passes go back, unless there was more time', story({ vipCapacity: 4, vipHoldMinutes: 1 }, async ({ shop, visitor }) => {
  const begun = (email, javaScriptEnabled = true) => visitor({ javaScriptEnabled }).then((context) => reserves(context, { email }));
  const patient = await begun('patient@example.com');
  await patient.page.getByRole('alert').getByText(/^Less than a minute/).waitFor();
  await moreTime(patient.page).click();
  await eventually('there is more time', async () => (await moreTime(patient.page).count()) === 0);

  const late = await begun('late@example.com');
  await pays(late.page, CARDS.late);
  await seesAfterLooking(late.page, said.checking);
  await late.page.getByText(/you can pay again while time remains/).waitFor();
  const dreaming = await begun('dreaming@example.com');
  const typing = await begun('typing@example.com', false);
  await goesToBank(typing.page);
  assert.equal(await shop.free(VIP), 0);

  const MINUTE_AND_A_BIT = 75_000;
  await sees(dreaming.page, said.timeIsUp, MINUTE_AND_A_BIT);
  assert.equal(await payButton(dreaming.page).count(), 0);
  await dreaming.page.getByText(/Nothing was charged/).waitFor();
  await picture(dreaming.page, 'paying-time-is-up');
  assert.deepEqual(await violations(dreaming.page), []);

  // The bank takes no card any more for what nobody waits for.
  await eventually('all three are free again', async () => (await shop.free(VIP)) === 3, MINUTE_AND_A_BIT);
  await givesCard(typing.page, CARDS.pays);
  await seesAfterLooking(typing.page, said.timeIsUp);
  await seesAfterLooking(late.page, said.timeIsUp, MINUTE_AND_A_BIT);
  await late.page.getByText(/Nothing was charged/).waitFor();

  await pays(patient.page);
  await seesAfterLooking(patient.page, said.paid);
  const expired = Object.fromEntries([late, dreaming, typing].map(({ order }) => [order, 'expired']));
  await booksAre(shop, { ...expired, [patient.order]: 'confirmed' }, 3);

  // Nobody has to look at a page to learn it.
  for (const who of ['late', 'dreaming', 'typing']) {
    assert.match((await letterTo(shop, `${who}@example.com`, said.timeIsUpSubject)).text, /nothing was charged/i);
  }
  await letterTo(shop, 'patient@example.com', said.ticketsSubject);
}));
