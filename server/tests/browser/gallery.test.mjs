// Every sample of every page, also of the states no test can bring about: for everyone's eyes, light and dark.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { browser, picture } from './harness.mjs';
import { COLOUR_RULES, PHONE, tooWide, violations } from './eyes.mjs';
import { binary } from './shop.mjs';

// `cargo test` builds the web crate's example beside the shop.
const gallery = join(dirname(binary), 'examples/gallery');
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

let folder, server, url, pages;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stampede-gallery-'));
  await promisify(execFile)(gallery, [folder]);
  pages = (await readdir(folder)).filter((name) => name.endsWith('.html') && name !== 'index.html').sort();
  server = createServer(async (request, response) => {
    const path = join(folder, normalize(new URL(request.url, 'http://gallery').pathname));
    const body = await readFile(path).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(body);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${server.address().port}`;
});

after(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

async function eachPage(names, options, look) {
  const context = await (await browser()).newContext(options);
  const broken = {};
  const page = await context.newPage();
  for (const name of names) {
    await page.goto(`${url}/${name}`);
    const complaints = await look(page, name.replace('.html', ''));
    if (complaints.length) broken[name] = complaints;
  }
  await context.close();
  assert.deepEqual(broken, {});
}

test('no sample of a page breaks a rule of axe', async () => {
  await eachPage(pages, { colorScheme: 'light', reducedMotion: 'reduce' }, async (page, name) => {
    await picture(page, `gallery-${name}-light`);
    return violations(page);
  });
});

test('no sample of a page is hard to read in the dark', async () => {
  // Colours are the same in both languages.
  const once = pages.filter((name) => !name.startsWith('en-'));
  await eachPage(once, { colorScheme: 'dark', reducedMotion: 'reduce' }, async (page, name) => {
    await picture(page, `gallery-${name}-dark`);
    return violations(page, COLOUR_RULES);
  });
});

test('no sample of a page scrolls sideways on a phone of 320 pixels', async () => {
  await eachPage(pages, { viewport: PHONE, isMobile: true, hasTouch: true }, tooWide);
});
