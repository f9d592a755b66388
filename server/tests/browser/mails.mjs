// The mailbox of whoever buys: the letters that the shop has put into its folder, read as a mail program reads them.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Every letter in a folder, the oldest first: who it is to, its subject, both its texts, its attachments by their names' endings. */
export async function letters(folder) {
  const names = await readdir(folder).catch(() => []);
  const read = await Promise.all(names.filter((name) => name.endsWith('.eml')).map(async (name) => readFile(join(folder, name), 'latin1')));
  return read.map(letter).sort((one, other) => one.date - other.date);
}

/** The addresses that a letter's plain text leads to, by the words before them. */
export function linkIn({ text }, words) {
  const [, address] = text.match(new RegExp(`${words}: (\\S+)`)) ?? [];
  if (!address) throw new Error(`nothing leads to “${words}” in:\n${text}`);
  return address;
}

function letter(source) {
  const { headers, body } = part(source);
  const leaves = [...inside(headers, body)];
  const text = (type) => leaves.find((leaf) => leaf.type === type && !leaf.name)?.bytes.toString('utf8');
  const attached = leaves.filter((leaf) => leaf.name).map(({ name, bytes }) => [name.split('.').at(-1), { name, bytes }]);
  const { subject, to, date, 'message-id': id } = headers;
  return {
    id, to: to.replace(/^.*<|>.*$/g, ''), subject: worded(subject), date: Date.parse(date),
    text: text('text/plain')?.replaceAll('\r\n', '\n'), html: text('text/html'), attached: Object.fromEntries(attached),
  };
}

/** The parts of a part that have no parts. */
function* inside(headers, body) {
  const kind = headers['content-type'] ?? 'text/plain';
  const [, boundary] = kind.match(/boundary="?([^";]+)"?/) ?? [];
  if (!boundary) {
    const [, name] = (headers['content-disposition'] ?? '').match(/filename(?:\*0)?="?([^";]+)"?/) ?? [];
    yield { type: kind.split(';')[0].trim().toLowerCase(), name, bytes: decoded(body, headers['content-transfer-encoding']) };
    return;
  }
  for (const piece of body.split(`--${boundary}`).slice(1, -1)) {
    const inner = part(piece.replace(/^\r?\n/, '').replace(/\r?\n$/, ''));
    yield* inside(inner.headers, inner.body);
  }
}

function part(source) {
  const end = source.search(/\r?\n\r?\n/);
  const head = source.slice(0, end).replace(/\r?\n[ \t]+/g, ' ');
  const headers = Object.fromEntries(head.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  return { headers, body: source.slice(end).replace(/^\r?\n\r?\n/, '') };
}

function decoded(body, encoding = '7bit') {
  if (encoding.toLowerCase() === 'base64') return Buffer.from(body, 'base64');
  if (encoding.toLowerCase() !== 'quoted-printable') return Buffer.from(body, 'latin1');
  const joined = body.replace(/=\r?\n/g, '');
  return Buffer.from(joined.replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1');
}

/** A header with words in other letters than ASCII (RFC 2047). */
function worded(header) {
  return header.replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, how, text) =>
    decoded(how.toLowerCase() === 'b' ? text : text.replaceAll('_', ' '), how.toLowerCase() === 'b' ? 'base64' : 'quoted-printable').toString('utf8'));
}
