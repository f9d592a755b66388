// The gallery: every sample of every page, rendered once and served as files.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { axeSource } from './eyes.mjs';
import { binary } from './shop.mjs';

// `cargo test` builds the web crate's example beside the shop.
const gallery = join(dirname(binary), 'examples/gallery');
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

/** Where a page of the gallery finds axe. */
export const AXE = '/axe.min.js';

/** Opens it on a free port. `forms` says where a POST to a path leads: { '/en/orders/…/pay': '/some-page.html' }. */
export async function openGallery(forms = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-gallery-'));
  await promisify(execFile)(gallery, [folder]);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://gallery');
    // The same for all pages: the browser keeps what it has compiled.
    if (!pathname.endsWith('.html')) response.setHeader('cache-control', 'max-age=3600');
    if (pathname === AXE) return response.writeHead(200, { 'content-type': TYPES['.js'] }).end(axeSource);
    if (request.method === 'POST') return response.writeHead(forms[pathname] ? 303 : 404, { location: forms[pathname] ?? '' }).end();
    const path = join(folder, normalize(pathname));
    const body = await readFile(path).catch(() => undefined);
    response.writeHead(body ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(body ?? 'There is nothing here.');
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    folder,
    url: `http://127.0.0.1:${server.address().port}`,
    pages: (await readdir(folder)).filter((name) => name.endsWith('.html') && name !== 'index.html').sort(),
    async close() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
