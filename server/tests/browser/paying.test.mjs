// VIP passes are paid online: by card, with the bank's question, after a decline, in German on a phone, and without scripts.
// On servers the demo has no provider and sells none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, tooWide, violations } from './eyes.mjs';
import { picture, story } from './harness.mjs';
import { booksAre, CARDS, givesCard, goesToBank, orders, pays, reserves, sees, seesAfterLooking, standing, toCheckout, VIP } from './paying.mjs';
import { opensTickets } from './steps.mjs';
import { codes } from './scanner.mjs';
import { words } from './words.mjs';

const said = words.en;

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts';

  test(`passes are paid by card and let through the gate, ${how}`, story({}, async ({ shop, visitor }) => {
    const { page, order } = await reserves(await visitor({ javaScriptEnabled }), { quantity: 2 });
    assert.equal(await shop.free(VIP), 4998, 'they are held');
    await page.getByText('€1,002.00').first().waitFor();
    await pays(page);
    await seesAfterLooking(page, said.paid);
    await page.getByRole('heading', { name: 'Receipt' }).waitFor();
    await page.getByText('€115.27 (13%)').waitFor();
    await opensTickets(page);
    const verdicts = (await shop.run('ticket', 'verify', ...(await codes(page)))).trim().split('\n');
    assert.deepEqual(verdicts.map((line) => line.split(',').slice(0, 2).join()), [1, 2].map((at) => `valid: ticket ${at} of 2, order ${order}`));
    await booksAre(shop, { [order]: 'confirmed' }, 4998);
  }));

  test(`a declined card is said why, and another one pays, ${how}`, story({}, async ({ shop, visitor }) => {
    const { page, order } = await reserves(await visitor({ javaScriptEnabled }));
    await pays(page, CARDS.withoutMoney);
    await seesAfterLooking(page, said.declined);
    await page.getByText(/^There is not enough money available/).waitFor();
    await page.getByText(/^Nothing was charged/).waitFor();
    assert.equal(await shop.free(VIP), 4999, 'it is still held');

    await pays(page, CARDS.alsoPays);
    await seesAfterLooking(page, said.paid);
    assert.equal((await standing(shop, page)).attempt, 2);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));

  test(`the bank asks whether it is the buyer: no pays nothing, yes pays, ${how}`, story({}, async ({ shop, visitor }) => {
    const { page, order } = await reserves(await visitor({ javaScriptEnabled }));
    await pays(page, CARDS.asks);
    await sees(page, said.isItYou);
    await page.getByText('•••• 3155').waitFor();
    await page.getByRole('button', { name: said.itIsNotMe }).click();
    await seesAfterLooking(page, said.declined);
    await page.getByText(/^Your consent at the bank is missing/).waitFor();

    await pays(page, CARDS.asks);
    await page.getByRole('button', { name: said.itIsMe }).click();
    await seesAfterLooking(page, said.paid);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));
}

test('whoever stops at the bank is back with the tickets still held', story({}, async ({ shop, visitor }) => {
  const { page, order } = await reserves(await visitor());
  await goesToBank(page);
  await page.getByRole('button', { name: said.backToShop }).click();
  await seesAfterLooking(page, said.declined);
  await pays(page, CARDS.asksAndDeclines);
  await page.getByRole('button', { name: said.itIsMe }).click();
  await seesAfterLooking(page, said.declined);
  await pays(page);
  await seesAfterLooking(page, said.paid);
  assert.equal((await standing(shop, page)).attempt, 3);
  await booksAre(shop, { [order]: 'confirmed' }, 4999);
}));

test('a real card is not taken, and mistakes are named beside their fields', story({}, async ({ visitor }) => {
  const { page } = await reserves(await visitor());
  await goesToBank(page);
  await givesCard(page, '4111 1111 1111 1111');
  await page.getByRole('link', { name: /^Card number: this is not a test card/ }).waitFor();
  const number = page.getByRole('textbox', { name: said.cardNumber });
  assert.deepEqual([await number.getAttribute('aria-invalid'), await number.inputValue()], ['true', ''], 'the number is not kept');
  assert.deepEqual(await violations(page), []);
  await givesCard(page, CARDS.pays);
  await seesAfterLooking(page, said.paid);
}));

for (const card of ['slow', 'answerIsLost', 'callIsLost', 'isNeverReported']) {
  test(`a payment whose outcome is not known at once is not paid twice: ${card}`, story({}, async ({ shop, visitor }) => {
    const { page, order } = await reserves(await visitor());
    await pays(page, CARDS[card]);
    await seesAfterLooking(page, said.paid, 30_000);
    assert.equal((await standing(shop, page)).attempt, 1);
    await booksAre(shop, { [order]: 'confirmed' }, 4999);
  }));
}

/** Each page of the way, with the eyes of everyone. */
async function isForEveryone(page, name, lang, colorScheme) {
  await picture(page, `paying-${name}-${lang}-${colorScheme}`);
  assert.deepEqual([...(await violations(page)), ...(await tooWide(page))], [], `${name}, ${lang}, ${colorScheme}`);
}

for (const [lang, colorScheme] of [['de', 'light'], ['en', 'dark']]) {
  test(`axe finds nothing on the way to a paid order, on a phone, ${lang}, ${colorScheme}`, story({}, async ({ visitor }) => {
    const context = await visitor({ colorScheme, viewport: PHONE, isMobile: true, hasTouch: true, reducedMotion: 'reduce' });
    const looks = (name) => isForEveryone(page, name, lang, colorScheme);
    const page = await toCheckout(context, { quantity: 2, name: 'Zoë Größenwahn', lang });
    await looks('checkout');
    await orders(page, { lang });
    await looks('held');
    await goesToBank(page, lang);
    await looks('bank-card');
    await givesCard(page, CARDS.asksAndDeclines, lang);
    await sees(page, words[lang].isItYou);
    await looks('bank-question');
    await page.getByRole('button', { name: words[lang].itIsMe }).click();
    await seesAfterLooking(page, words[lang].declined);
    await looks('declined');
    await pays(page, CARDS.slow, lang);
    await seesAfterLooking(page, words[lang].checking);
    await looks('checking');
    await seesAfterLooking(page, words[lang].paid);
    await looks('paid');
  }));
}
