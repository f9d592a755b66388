// Two types of ticket on one page, one paid at the gate and one online: each is sold for itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, story } from './harness.mjs';
import { orderButton, pays, reserves, seesAfterLooking, toCheckout } from './paying.mjs';
import { eventually } from './shop.mjs';
import { buy, fill, form, notice, openEvent, seesConfirmed } from './steps.mjs';
import { words } from './words.mjs';

const said = words.en;

const vip = (page) => page.getByRole('radio', { name: said.vip });
const generalAdmission = (page) => page.getByRole('radio', { name: /^General Admission/ });

test('an open page closes the type that is gone and sells the other one', story({ vipCapacity: 1 }, async ({ visitor }) => {
  const page = await openEvent(await visitor());
  await vip(page).check();
  const { page: quicker } = await reserves(await visitor());
  await pays(quicker);
  await seesAfterLooking(quicker, said.paid);

  await eventually('the passes are closed', () => vip(page).isDisabled());
  assert.equal(await generalAdmission(page).isDisabled(), false);
  await picture(page, 'event-passes-gone');
  await generalAdmission(page).check();
  await buy(page, { quantity: 1 });
  await seesConfirmed(page);
}));

test('passes are sold when general admission is gone', story({ capacity: 2 }, async ({ shop, visitor }) => {
  await shop.sell(2);
  const page = await toCheckout(await visitor(), { quantity: 2 });
  await form(page).email.fill('ada@example.com');
  await orderButton(page).click();
  await seesAfterLooking(page, said.held);
  await pays(page);
  await seesAfterLooking(page, said.paid);
}));

test('more passes than one may have are refused in words, and the input is kept', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await fill(page, { quantity: 6, email: 'ada@example.com' });
  await vip(page).check();
  assert.equal(await form(page).quantity(6).isVisible(), false, 'nobody is offered more than there are to be had');
  await page.getByRole('button', { name: said.toCheckout }).click();
  if (await orderButton(page).isVisible()) await orderButton(page).click();
  await notice(page, /./).first().waitFor();
  await picture(page, 'event-too-many-passes');
  assert.equal((await shop.orders()).length, 0);
  assert.equal(await vip(page).isChecked(), true);
  await generalAdmission(page).check();
  assert.equal(await form(page).name.inputValue(), 'Ada Lovelace');
}));

test('what is asked for follows the type that is chosen', story({}, async ({ visitor }) => {
  const page = await openEvent(await visitor());
  const counts = async () => page.getByRole('group', { name: said.quantity }).getByRole('radio').count();
  assert.equal(await counts(), 6);
  await form(page).quantity(5).check();
  await vip(page).check();
  assert.equal(await counts(), 4);
  assert.equal(await form(page).quantity(4).isChecked(), true, 'as many as there are to be had');
  assert.equal(await form(page).name.isVisible(), false);
  await generalAdmission(page).check();
  assert.equal(await counts(), 6);
  await form(page).buy.click();
  assert.equal(await form(page).name.evaluate((field) => field.validity.valueMissing), true, 'at the gate a name is needed');
  await vip(page).check();
  await page.getByRole('button', { name: said.toCheckout }).click();
  await orderButton(page).waitFor();
}));
