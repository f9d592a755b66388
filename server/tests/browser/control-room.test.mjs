// The control room at three in the morning: it moves by itself, says what is wrong, and stops the sale for who may.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violations } from './eyes.mjs';
import { picture, story } from './harness.mjs';

const TOKEN = 'three in the morning';
const sale = { opensIn: '0s', capacity: 1000, vipCapacity: 0, opsToken: TOKEN };

const headline = (page) => page.locator('.headline h1');

async function steer(page, button, token) {
  await page.getByLabel('Who are you?').fill('Eva');
  await page.getByLabel('Why?').fill('The gate is stuck');
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: button }).click();
}

test('it says what limits the sale, and follows it without being asked', story(sale, async ({ shop, visitor }) => {
  const page = await (await visitor()).newPage();
  await page.goto(`${shop.opsUrl}/ops`);
  await page.locator('.pool').waitFor();
  await shop.sell(1000);
  await headline(page).getByText('Sold out.').waitFor();
  assert.match(await page.locator('.pool').innerText(), /sold 1,000 /);
}));

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in the control room, ${colorScheme}`, story(sale, async ({ shop, visitor }) => {
    const page = await (await visitor({ colorScheme, reducedMotion: 'reduce' })).newPage();
    await shop.sell(5);
    await page.goto(`${shop.opsUrl}/ops`);
    await headline(page).waitFor();
    await picture(page, `control-room-${colorScheme}`);
    assert.deepEqual(await violations(page), []);
  }));
}

test('who has the token pauses the sale and resumes it, and nobody else', story(sale, async ({ shop, visitor }) => {
  const page = await (await visitor()).newPage();
  await page.goto(`${shop.opsUrl}/ops`);
  await steer(page, 'Pause', 'a guess');
  await page.getByRole('alert').getByText('The token is not the one').waitFor();
  assert.equal(await page.getByLabel('Who are you?').inputValue(), 'Eva', 'what was typed is kept');
  await steer(page, 'Pause', TOKEN);
  await headline(page).getByText('the sale is paused').waitFor();
  await page.locator('.troubles').getByText('paused by Eva: The gate is stuck').waitFor();
  await steer(page, 'Resume', TOKEN);
  await page.locator('.troubles').getByText('resumed by Eva').waitFor();
  await headline(page).getByText('Open, and nobody is buying here.').waitFor();
}));

test('an order is found by its id, with its steps', story(sale, async ({ shop, visitor }) => {
  const [order] = await shop.sell(1);
  const page = await (await visitor()).newPage();
  await page.goto(`${shop.opsUrl}/ops`);
  await page.getByLabel('Order id').fill(order);
  await page.getByRole('button', { name: 'X-ray' }).click();
  await page.getByRole('rowheader', { name: 'committed' }).waitFor();
  assert.match(await page.locator('.lead').innerText(), /Decided: confirmed/);
}));

test('without a script it is a page that reloads itself', story(sale, async ({ shop, visitor }) => {
  const page = await (await visitor({ javaScriptEnabled: false })).newPage();
  await page.goto(`${shop.opsUrl}/ops`);
  assert.match(await headline(page).innerText(), /Open/);
  assert.equal(await page.locator('meta[http-equiv=refresh]').count(), 1);
}));
