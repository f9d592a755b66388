// What a buyer of VIP passes does, from the event's page over the checkout and the simulated bank to the tickets.
// The passes are held for the buyer meanwhile; a card's number says what the bank does with it.

import assert from 'node:assert/strict';
import { eventually } from './shop.mjs';
import { eventPath, form, landedOrder } from './steps.mjs';
import { words } from './words.mjs';

/** The type of ticket that is paid online. */
export const VIP = 'vip-pass';

/** One card of each part that stories need; the bank's page lists them all. */
export const CARDS = {
  pays: '4242 4242 4242 4242',
  alsoPays: '5555 5555 5555 4444',
  declined: '4000 0000 0000 0002',
  withoutMoney: '4000 0000 0000 9995',
  asks: '4000 0025 0000 3155',
  asksAndDeclines: '4000 0084 0000 1629',
  slow: '4000 0099 0000 0012',
  late: '4000 0099 0000 0046',
  answerIsLost: '4000 0099 0000 0053',
  callIsLost: '4000 0099 0000 0061',
  isNeverReported: '4000 0099 0000 0103',
};

const bankUrl = /\/(de|en)\/bank\/payments\/[\w-]+/;
const heading = (page, name) => page.getByRole('heading', { level: 1, name });

/** What a page says big. */
export const sees = (page, name, within_ms = 15_000) => heading(page, name).waitFor({ timeout: within_ms });

/** Opens the event's page in a new tab and goes to the checkout with some passes. What was typed goes along. */
export async function toCheckout(context, { quantity = 1, name = 'Ada Lovelace', lang = 'en' } = {}) {
  const page = await context.newPage();
  await page.goto(eventPath(lang));
  // While passes are chosen the page does not ask who buys: the checkout does.
  const here = await form(page, lang).name.isVisible();
  if (here) await form(page, lang).name.fill(name);
  await page.getByRole('radio', { name: words[lang].vip }).check();
  assert.equal(await form(page, lang).name.isVisible(), false);
  await form(page, lang).quantity(quantity).check();
  await page.getByRole('button', { name: words[lang].toCheckout }).click();
  await orderButton(page, lang).waitFor();
  if (here) assert.equal(await form(page, lang).name.inputValue(), name);
  else await form(page, lang).name.fill(name);
  return page;
}

/** Says where the tickets go, orders, and returns the id of the order whose page says that it is held. */
export async function orders(page, { email = 'ada@example.com', lang = 'en' } = {}) {
  await form(page, lang).email.fill(email);
  await orderButton(page, lang).click();
  const order = await landedOrder(page);
  await seesAfterLooking(page, words[lang].held);
  return order;
}

export const orderButton = (page, lang = 'en') => page.getByRole('button', { name: words[lang].obligation });

/** All of the above: a tab with an order that is held. */
export async function reserves(context, wish = {}) {
  const page = await toCheckout(context, wish);
  const order = await orders(page, wish);
  return { page, order };
}

export const payButton = (page, lang = 'en') => page.getByRole('button', { name: words[lang].pay });

/** Presses pay, and lands at the bank. */
export async function goesToBank(page, lang = 'en') {
  await payButton(page, lang).click();
  await landsAtBank(page, lang);
}

/** A bank that is slow to open a payment is waited for on the order's page, which leads on by itself with scripts. */
export async function landsAtBank(page, lang = 'en') {
  await eventually('the bank opens', async () => {
    const onwards = page.getByRole('link', { name: words[lang].continuePaying });
    // The page may be gone before it is clicked: it leads on by itself.
    if (!bankUrl.test(page.url()) && (await onwards.isVisible())) await onwards.click({ timeout: 1_000 }).catch(() => {});
    return bankUrl.test(page.url());
  });
  await page.waitForLoadState();
}

/** Types a card in and sends it. */
export async function givesCard(page, number, lang = 'en') {
  await fillsCard(page, number, lang);
  await page.getByRole('button', { name: words[lang].payAtBank }).click();
}

export async function fillsCard(page, number, lang = 'en') {
  await page.getByRole('textbox', { name: words[lang].cardNumber }).fill(number);
  await page.getByRole('textbox', { name: words[lang].cardExpiry }).fill('12/34');
  await page.getByRole('textbox', { name: words[lang].cardCvc }).fill('123');
}

/** Pays with a card from the order's page on. */
export async function pays(page, number = CARDS.pays, lang = 'en') {
  await goesToBank(page, lang);
  await givesCard(page, number, lang);
}

/**
 * Waits until the order's page says so. It gets there by itself: with scripts it asks, without them the browser fetches it
 * again; the latter takes seconds.
 */
export async function seesAfterLooking(page, name, within_ms = 20_000) {
  await landedOrder(page);
  await sees(page, name, within_ms);
}

/** What programs are told of an order, with the key that its page's address has. */
export async function standing(shop, page) {
  const [, , order] = page.url().match(/\/(de|en)\/orders\/([0-9a-f-]{36})/);
  const key = new URL(page.url()).searchParams.get('k');
  return (await fetch(`${shop.url}/api/v1/orders/${order}?k=${key}`)).json();
}

/** Nothing is held, each order stands as it should, and the books have every cent. */
export async function booksAre(shop, statuses, free) {
  const standing = Object.fromEntries((await shop.orders()).map((row) => [row.order_id, row.status]));
  assert.deepEqual(standing, statuses);
  await eventually(`${free} passes are free`, async () => (await shop.free(VIP)) === free);
  await shop.run('audit');
}
