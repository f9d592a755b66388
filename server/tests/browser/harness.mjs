// A test is a story: one shop, one or more visitors with a browser of their own, and at its end nothing left over.
// On every page of every story: no script error, nothing refused by the content policy, nothing fetched from elsewhere.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { openShop, root } from './shop.mjs';

const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const pictures = join(root, 'artifacts/screenshots');

// Longer than any page needs, shorter than the runner's patience.
const STEP_MS = 15_000;

// The browser says nothing to anybody: no updates, no sync, and no name resolves but the machine's own address.
const FLAGS = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

let launched;
after(async () => (await launched)?.close());

/** The browser of this test file; each visitor gets a fresh profile in it. */
export function browser() {
  launched ??= chromium.launch({ executablePath: chromiumPath, chromiumSandbox: false, args: FLAGS });
  return launched;
}

/**
 * A test body: opens a shop with `sale`, tells the story with `{ shop, visitor }`, closes everything.
 * `visitor(options)` takes Playwright's context options (locale, colorScheme, viewport, javaScriptEnabled).
 */
export function story(sale, tell) {
  return async (t) => {
    const shop = await openShop(sale);
    const visitors = [];
    const visitor = async (options = {}) => {
      const context = await (await browser()).newContext({ baseURL: shop.url, locale: 'en-GB', ...options });
      context.setDefaultTimeout(STEP_MS);
      const complaints = watch(context, [shop.url, shop.opsUrl, 'data:']);
      visitors.push({ context, complaints });
      return context;
    };
    try {
      await tell({ shop, visitor });
      for (const { complaints } of visitors) assert.deepEqual(complaints, [], 'the browser complained');
    } catch (cause) {
      await keepEvidence(t.name, visitors, shop);
      throw cause;
    } finally {
      for (const { context } of visitors) await context.close();
      await shop.stop();
    }
  };
}

/** Saves what the page looks like, for people: artifacts/screenshots/<name>.png. */
export async function picture(page, name) {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

function watch(context, origins) {
  const complaints = [];
  context.on('weberror', (event) => complaints.push(`script: ${event.error().message}`));
  context.on('console', (message) => {
    // A refusal has its status, and Chromium reports each 4xx as an error of the console.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  context.on('request', (request) => {
    const known = origins.some((origin) => request.url().startsWith(origin));
    if (!known) complaints.push(`fetched from elsewhere: ${request.url()}`);
  });
  return complaints;
}

async function keepEvidence(name, visitors, shop) {
  const file = `FAILED-${name.replace(/[^\p{L}\p{N}]+/gu, '-')}`;
  const pages = visitors.flatMap(({ context }) => context.pages());
  for (const [at, page] of pages.entries()) await picture(page, `${file}-${at + 1}`).catch(() => {});
  await mkdir(pictures, { recursive: true });
  await writeFile(join(pictures, `${file}.log`), shop.log);
}
