// A gate's scanner: reads tickets from the screen.

import assert from 'node:assert/strict';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { words } from './words.mjs';

/** What a scanner reads from the picture of a code. */
async function scan(page, number, lang) {
  const { data, width, height } = PNG.sync.read(await page.getByRole('img', { name: words[lang].ticketCode(number) }).screenshot());
  const read = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: 'dontInvert' });
  assert.ok(read, `the code of ticket ${number} can be read from the screen`);
  return read.data;
}

/** Every code of the page, read from the screen, and as text. */
export async function codes(page, lang = 'en') {
  const texts = await page.getByRole('article').locator('code').allTextContents();
  const scanned = [];
  for (const at of texts.keys()) scanned.push(await scan(page, at + 1, lang));
  assert.deepEqual(scanned, texts, 'what is scanned is what is written');
  return scanned;
}
