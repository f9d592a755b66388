// The ticket: opened by its buyer, read from the screen as a gate's scanner does, printed, put into a calendar; and by nobody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE } from './eyes.mjs';
import { picture, story } from './harness.mjs';
import { codes } from './scanner.mjs';
import { buy, openEvent, opensTickets, seesConfirmed } from './steps.mjs';
import { words } from './words.mjs';

for (const [colorScheme, lang, viewport] of [['light', 'de'], ['dark', 'en'], ['dark', 'de', PHONE]]) {
  const where = viewport ? 'on a phone' : 'on a desk';
  test(`a gate reads the tickets ${where}, ${colorScheme}, ${lang}`, story({}, async ({ shop, visitor }) => {
    const page = await openEvent(await visitor({ colorScheme, ...(viewport && { viewport, isMobile: true }) }), lang);
    const order = await buy(page, { quantity: 2, name: 'Zoë Größenwahn' }, lang);
    await seesConfirmed(page, lang);
    await opensTickets(page, lang);
    await picture(page, `tickets-${lang}-${colorScheme}${viewport ? '-phone' : ''}`);

    const read = await codes(page, lang);
    const said = (await shop.run('ticket', 'verify', ...read)).trim().split('\n');
    assert.deepEqual(said.map((line) => line.split(',').slice(0, 2).join()), [1, 2].map((at) => `valid: ticket ${at} of 2, order ${order}`));
    const forged = read[0].slice(0, -1) + (read[0].endsWith('A') ? 'B' : 'A');
    await assert.rejects(shop.run('ticket', 'verify', forged), /ended with 1/);
  }));
}

test('the tickets are there without scripts', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ javaScriptEnabled: false }));
  await buy(page, { quantity: 1 });
  await seesConfirmed(page, 'en', { reloading: true });
  await opensTickets(page);
  await shop.run('ticket', 'verify', ...(await codes(page)));
}));

test('paper has a ticket a sheet, black on white, and nothing else', story({}, async ({ shop, visitor }) => {
  const page = await openEvent(await visitor({ colorScheme: 'dark' }), 'de');
  await buy(page, { quantity: 3, name: 'Zoë Größenwahn' }, 'de');
  await seesConfirmed(page, 'de');
  await opensTickets(page, 'de');

  await page.emulateMedia({ media: 'print' });
  for (const part of ['banner', 'contentinfo', 'navigation']) assert.equal(await page.getByRole(part).count(), 0, part);
  assert.equal(await page.getByRole('link').count(), 0, 'paper has no links');
  await page.setViewportSize({ width: 794, height: 1123 });
  await picture(page, 'tickets-printed');
  await shop.run('ticket', 'verify', ...(await codes(page, 'de')));
  const paper = (await page.pdf({ format: 'A4' })).toString('latin1');
  assert.equal(paper.match(/\/Type\s*\/Page\b/g).length, 3);
}));

test('paper and calendar are to be had, and a stranger has neither', story({}, async ({ visitor }) => {
  const context = await visitor();
  const page = await openEvent(context);
  const order = await buy(page, { quantity: 2, name: 'Grace Hopper' });
  await seesConfirmed(page);
  await opensTickets(page);

  const stranger = await visitor();
  for (const [name, kind, begins] of [
    [words.en.savePdf, 'application/pdf', '%PDF-'],
    [words.en.saveCalendar, 'text/calendar; charset=utf-8', 'BEGIN:VCALENDAR'],
  ]) {
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name }).click();
    assert.match((await download).suggestedFilename(), new RegExp(`^tickets-${order}\\.(pdf|ics)$`));
    const address = await page.getByRole('link', { name }).getAttribute('href');
    const given = await context.request.get(address);
    assert.deepEqual([given.status(), given.headers()['content-type']], [200, kind]);
    assert.ok((await given.body()).toString('latin1').startsWith(begins));
    const denied = await stranger.request.get(address.split('?')[0], { maxRedirects: 0 });
    assert.deepEqual([denied.status(), denied.headers().location], [303, `/en/orders/${order}`]);
  }
  // The link alone is enough, in whatever browser.
  const elsewhere = await stranger.newPage();
  await elsewhere.goto(page.url());
  await elsewhere.getByText('Grace Hopper').first().waitFor();
  await elsewhere.goto(`/en/orders/${order}/tickets`);
  await elsewhere.getByRole('heading', { name: words.en.confirmed }).waitFor();
  assert.equal((await elsewhere.content()).includes('Grace Hopper'), false);
}));
