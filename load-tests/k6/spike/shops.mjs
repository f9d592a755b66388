// Shops for the spike: the product's own binary, started and stopped by the scripts of ops/. `{ url, nodes, add, stop }`, a node
// `{ name, role, pid, opsUrl }`.

import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { limitCpu } from './quota.mjs';

const run = promisify(execFile);
const line = async (...path) => (await readFile(join(...path), 'utf8')).trim();

/** One process that does everything. */
export async function embedded(root, dir, settings) {
  const script = join(root, 'ops/servers/node');
  const home = join(dir, 'all');
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'settings'), lines(settings));
  await run(script, ['start', home]);
  return { url: await line(home, 'url'), nodes: [await node(home, 'all')], stop: () => run(script, ['stop', home]) };
}

/** One web node and one writer with their servers behind nginx; `nodeCpu` cores for each web node, 0: no limit. */
export async function distributed(root, dir, settings, nodeCpu) {
  const script = join(root, 'ops/distributed');
  const env = { ...process.env, NODES: 'web-1 writer-1', NODE_SETTINGS: Object.entries(settings).map((each) => each.join('=')).join(' ') };
  const groups = [];
  const shop = { nodes: [], small: nodeCpu > 0 };
  const come = async (name) => {
    const come = await node(join(dir, name), name);
    if (come.role === 'web' && nodeCpu > 0) {
      const undo = await limitCpu(come.pid, `stampede-spike-${process.pid}-${name}`, nodeCpu);
      if (undo) groups.push(undo);
      else shop.small = false;
    }
    shop.nodes.push(come);
    return come;
  };
  shop.stop = async () => {
    await run(script, ['stop', dir], { env });
    await Promise.all(groups.map((undo) => undo()));
  };
  shop.add = async (role) => {
    const taken = (await readdir(dir)).filter((name) => name.startsWith(`${role}-`)).length;
    const name = `${role}-${taken + 1}`;
    await run(script, ['add', dir, name], { env });
    return come(name);
  };
  await run(script, ['start', dir], { env, maxBuffer: 1 << 24 });
  try {
    shop.url = await line(dir, 'nginx', 'url');
    await come('web-1');
    await come('writer-1');
  } catch (fault) {
    await shop.stop();
    throw fault;
  }
  return shop;
}

async function node(home, name) {
  const [pid] = (await line(home, 'pid')).split(' ');
  return { name, role: name.split('-')[0], pid: Number(pid), opsUrl: `http://127.0.0.1:${await line(home, 'ops_port')}` };
}

function lines(settings) {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join('');
}
