// Orders come back by mail: the tickets are attached to it, and whoever has lost everything but the mailbox finds the orders again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, tooWide, violations } from './eyes.mjs';
import { picture, story } from './harness.mjs';
import { linkIn } from './mails.mjs';
import { booksAre, pays, reserves, sees, seesAfterLooking } from './paying.mjs';
import { codes } from './scanner.mjs';
import { buy, letterTo, openEvent, opensTickets, seesConfirmed } from './steps.mjs';
import { words } from './words.mjs';

const ADDRESS = 'ada@example.com';

/** Asks for the link in a tab, and is told to look at the mail. */
async function asksForLink(page, email, lang = 'en') {
  await page.getByRole('textbox', { name: words[lang].email }).fill(email);
  await page.getByRole('button', { name: words[lang].sendLink }).click();
  await sees(page, words[lang].lookAtMail);
}

/** From the foot of any page over the mailbox to the list of orders. */
async function findsOrders(shop, context, email, lang = 'en') {
  const page = await openEvent(context, lang);
  await page.getByRole('contentinfo').getByRole('link', { name: words[lang].findOrder }).click();
  await sees(page, words[lang].findOrder);
  await asksForLink(page, email, lang);
  const address = linkIn(await letterTo(shop, email, words[lang].linkSubject), words[lang].seeOrders);
  assert.ok(address.startsWith(`${shop.url}/${lang}/my/orders?k=`), address);
  await page.goto(address);
  await sees(page, words[lang].yourOrders);
  return page;
}

for (const [javaScriptEnabled, lang] of [[true, 'de'], [false, 'en']]) {
  const how = javaScriptEnabled ? 'with scripts' : 'without scripts';

  test(`the tickets come by mail and open on any device, ${how}, ${lang}`, story({}, async ({ shop, visitor }) => {
    const page = await openEvent(await visitor({ javaScriptEnabled }), lang);
    const order = await buy(page, { quantity: 2, name: 'Zoë Größenwahn', email: ADDRESS }, lang);
    await seesConfirmed(page, lang, { reloading: !javaScriptEnabled });
    await page.getByText(words[lang].ticketsAreMailed).waitFor();

    const letter = await letterTo(shop, ADDRESS, words[lang].ticketsSubject);
    assert.match(letter.text, /Zoë Größenwahn/);
    assert.match(letter.attached.pdf.name, /^tickets-[0-9a-f-]+\.pdf$/);
    assert.ok(order.endsWith(letter.attached.pdf.name.slice('tickets-'.length, -'.pdf'.length)));
    assert.ok(letter.attached.pdf.bytes.toString('latin1').startsWith('%PDF-'));
    assert.ok(letter.attached.ics.bytes.toString('utf8').startsWith('BEGIN:VCALENDAR'));
    const tickets = linkIn(letter, words[lang].toTheTickets);
    assert.ok(letter.html.includes(tickets.replaceAll('&', '&amp;')), 'both parts lead to the same');

    const elsewhere = await (await visitor({ javaScriptEnabled })).newPage();
    await elsewhere.goto(tickets);
    await sees(elsewhere, words[lang].yourTickets);
    await shop.run('ticket', 'verify', ...(await codes(elsewhere, lang)));
    assert.equal((await shop.letters()).length, 1, 'one order, one mail');
  }));

  test(`who has lost all but the mailbox finds orders and tickets again, ${how}, ${lang}`, story({}, async ({ shop, visitor }) => {
    const bought = await openEvent(await visitor(), lang);
    const order = await buy(bought, { quantity: 1, email: ' Ada@Example.com' }, lang);
    await seesConfirmed(bought, lang);
    const page = await findsOrders(shop, await visitor({ javaScriptEnabled }), ADDRESS, lang);
    assert.equal(await page.getByRole('listitem').count(), 1);
    assert.equal(await page.getByRole('link', { name: words[lang].seeOrder }).getAttribute('href').then((url) => url.split('?')[0]), `/${lang}/orders/${order}`);
    await page.getByRole('link', { name: words[lang].toTheTickets }).click();
    await sees(page, words[lang].yourTickets);
    await shop.run('ticket', 'verify', ...(await codes(page, lang)));
  }));
}

test('nobody learns from the answer who has ordered, and who has not gets no mail', story({}, async ({ shop, visitor }) => {
  const bought = await openEvent(await visitor());
  await buy(bought, { quantity: 1, email: ADDRESS });
  await seesConfirmed(bought);
  await letterTo(shop, ADDRESS, words.en.ticketsSubject);

  const told = async (email) => {
    const page = await (await visitor()).newPage();
    await page.goto('/en/my');
    await asksForLink(page, email);
    return (await page.content()).replaceAll(email, '');
  };
  const unknown = await told('nobody@example.com');
  assert.equal(await told(ADDRESS), unknown);
  await letterTo(shop, ADDRESS, words.en.linkSubject);
  assert.deepEqual([...new Set((await shop.letters()).map(({ to }) => to))], [ADDRESS]);
}));

test('whoever closes the browser while tickets are held finds the order again and pays', story({}, async ({ shop, visitor }) => {
  const first = await visitor();
  const { order } = await reserves(first, { quantity: 2 });
  await first.close();

  const page = await findsOrders(shop, await visitor(), ADDRESS);
  await page.getByText(/^held until .* still to be paid$/).waitFor();
  await page.getByRole('link', { name: words.en.seeOrder }).click();
  await sees(page, words.en.held);
  await pays(page);
  await seesAfterLooking(page, words.en.paid);
  await page.getByText(words.en.ticketsAreMailed).waitFor();
  await opensTickets(page);
  await shop.run('ticket', 'verify', ...(await codes(page)));

  const letter = await letterTo(shop, ADDRESS, words.en.ticketsSubject);
  assert.match(letter.text, /€1,002\.00/);
  assert.ok(letter.attached.pdf);
  await booksAre(shop, { [order]: 'confirmed' }, 4998);
}));

test('a slip in the address is said, and a broken link leads to the form', story({}, async ({ shop, visitor }) => {
  const context = await visitor();
  const page = await context.newPage();
  await page.goto('/en/my');
  await page.locator('form').evaluate((form) => (form.noValidate = true));
  await page.getByRole('textbox', { name: words.en.email }).fill('ada@');
  await page.getByRole('button', { name: words.en.sendLink }).click();
  await page.getByRole('link', { name: /^Email: write it like/ }).waitFor();
  assert.equal(await page.getByRole('textbox', { name: words.en.email }).inputValue(), 'ada@');
  assert.deepEqual(await violations(page), []);
  await page.goto('/en/my/orders?k=AAAA');
  await page.getByRole('heading', { name: words.en.linkIsStale }).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await shop.letters(), []);
}));

for (const [lang, colorScheme] of [['de', 'light'], ['en', 'dark']]) {
  test(`axe finds nothing on the way to one's orders, on a phone, ${lang}, ${colorScheme}`, story({}, async ({ shop, visitor }) => {
    const context = await visitor({ colorScheme, viewport: PHONE, isMobile: true, hasTouch: true, reducedMotion: 'reduce' });
    const looks = async (page, name) => {
      await picture(page, `my-${name}-${lang}-${colorScheme}`);
      assert.deepEqual([...(await violations(page)), ...(await tooWide(page))], [], `${name}, ${lang}, ${colorScheme}`);
    };
    const bought = await openEvent(context, lang);
    await buy(bought, { quantity: 2, email: ADDRESS }, lang);
    await seesConfirmed(bought, lang);
    await looks(bought, 'confirmed');
    const { page } = await reserves(context, { quantity: 1, lang });
    await looks(page, 'held');
    await page.getByRole('contentinfo').getByRole('link', { name: words[lang].findOrder }).click();
    await looks(page, 'form');
    await asksForLink(page, ADDRESS, lang);
    await looks(page, 'sent');
    await page.goto(linkIn(await letterTo(shop, ADDRESS, words[lang].linkSubject), words[lang].seeOrders));
    assert.equal(await page.getByRole('listitem').count(), 2);
    await looks(page, 'orders');
    // A mail program shows it without the shop's policy.
    const mail = await context.newPage();
    await mail.setContent((await letterTo(shop, ADDRESS, words[lang].ticketsSubject)).html);
    await looks(mail, 'mail');
  }));
}
