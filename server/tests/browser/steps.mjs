// What a buyer does, in the words of the page's contract: the form posts key, ticketTypeId, quantity, name, email
// to /{lang}/events/{slug}/orders and ends on /{lang}/orders/{id}?k=…

import { randomBytes } from 'node:crypto';
import { eventually, SLUG } from './shop.mjs';
import { words } from './words.mjs';

export const eventPath = (lang = 'en') => `/${lang}/events/${SLUG}`;
export const orderUrl = /\/(de|en)\/orders\/([0-9a-f-]{36})\?k=/;

/** Opens the event's page in a new tab and returns the tab. */
export async function openEvent(context, lang = 'en') {
  const page = await context.newPage();
  await page.goto(eventPath(lang));
  return page;
}

/** The order form of a page, each field found by its label as a screen reader would. */
export function form(page, lang = 'en') {
  const said = words[lang];
  const quantities = page.getByRole('group', { name: said.quantity });
  return {
    quantity: (count) => quantities.getByRole('radio', { name: String(count), exact: true }),
    chosenQuantity: quantities.getByRole('radio', { checked: true }),
    name: page.getByRole('textbox', { name: said.name }),
    email: page.getByRole('textbox', { name: said.email }),
    buy: page.getByRole('button', { name: said.buy }),
    key: page.locator('input[name=key]'),
    ticketTypeId: page.locator('input[name=ticketTypeId]:is(:checked, [type=hidden])'),
  };
}

/** The number of free tickets as the page shows it now. */
export const shownFree = (page) => page.locator('[data-n=available]').textContent();

/** The message above the form that says why there is no order. */
export const notice = (page, title) => page.getByRole('region', { name: title });

/** Fills the fields that are given; a `name` of null leaves what is there. */
export async function fill(page, { quantity, name = 'Ada Lovelace', email }, lang = 'en') {
  const fields = form(page, lang);
  if (quantity !== undefined) await fields.quantity(quantity).check();
  if (name !== null) await fields.name.fill(name);
  if (email !== undefined) await fields.email.fill(email);
}

/** Sends the form past the browser's own checks, so that the shop's have to stand alone. */
export async function sendUnchecked(page, lang = 'en') {
  await page.locator('form:has([name=key])').evaluate((element) => (element.noValidate = true));
  await form(page, lang).buy.click();
}

/** True when the page offers the form and its button works; before the sale it is shown and closed. */
export async function canBuy(page, lang = 'en') {
  const { buy } = form(page, lang);
  return (await buy.count()) > 0 && (await buy.isEnabled());
}

/** Fills the form, buys, and returns the id of the order whose page it lands on. */
export async function buy(page, wish, lang = 'en') {
  await fill(page, wish, lang);
  await form(page, lang).buy.click();
  return landedOrder(page);
}

// Looks at the address rather than waiting for one navigation: the second of two clicks abandons the first one's.
export async function landedOrder(page) {
  await eventually('the order page opens', () => orderUrl.test(page.url()));
  await page.waitForLoadState();
  return page.url().match(orderUrl)[2];
}

/** Reloads as a person does: when another click's answer arrives meanwhile, that page is as good. */
async function reload(page) {
  await page.reload().catch((cause) => {
    if (!/ERR_ABORTED|interrupted by another navigation/.test(cause.message)) throw cause;
  });
}

/** Waits until the order's page says confirmed: by itself with scripts, by reloading without. */
export async function seesConfirmed(page, lang = 'en', { reloading = false } = {}) {
  const status = page.getByRole('heading', { name: words[lang].confirmed });
  await eventually('the order page says confirmed', async () => {
    if (await status.isVisible()) return true;
    if (reloading) await reload(page);
    return false;
  });
}

/** From the page of a confirmed order to its tickets. */
export async function opensTickets(page, lang = 'en') {
  await page.getByRole('link', { name: words[lang].toYourTickets }).click();
  await page.getByRole('heading', { name: words[lang].yourTickets }).waitFor();
}

/** Waits for the letter to somebody whose subject is like this. */
export async function letterTo(shop, address, subject) {
  const found = async () => (await shop.letters()).find((one) => one.to === address && subject.test(one.subject));
  return eventually(`a letter to ${address}: ${subject}`, found, 20_000);
}

/** A UUIDv7 made `age_ms` ago (RFC 9562: 48 bits of milliseconds, version, variant, chance). */
export function keyFrom(age_ms) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now() - age_ms, 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Puts another key into the form, as a tab would hold that was opened at another time. */
export async function holdKey(page, key) {
  await form(page).key.evaluate((field, value) => (field.value = value), key);
}
