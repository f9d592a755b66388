// What buyers do, without k6 and without a shop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bot } from '../../journeys/bot.js';
import { buy } from '../../journeys/buy.js';
import { impatient } from '../../journeys/impatient.js';
import { CROWDS, JOURNEYS, oneOf } from '../crowd.js';
import { freshKey } from '../keys.js';
import { EXPECTED, kind } from '../statuses.js';
import { BEHIND, NOT_OPEN, SILENCE, SOLD_OUT, UNKNOWN, visitTo } from './shop.mjs';

function visit(journey, to) {
  const { visitor, seen } = visitTo(to);
  journey.visit(visitor);
  return seen;
}

test('a buyer comes back when told, a little later than told, with the same key', () => {
  const seen = visit(buy, { says: (n) => (n === 1 ? BEHIND : undefined) });
  assert.equal(seen.posts.length, 2);
  assert.equal(seen.posts[0].key, seen.posts[1].key);
  const waits = seen.sleeps.filter((seconds) => seconds >= 2 && seconds <= 3);
  assert.equal(waits.at(-1), 2.5, 'told 2 s, half of the jitter');
  assert.deepEqual(seen.books, { asked: 2, promised: 2, refused: 0, repeated: 0 });
});

test('a crowd that is told the same time comes back spread', () => {
  const waits = [0, 0.25, 0.99].map((chance) => visit(buy, { random: () => chance, says: (n) => (n === 1 ? NOT_OPEN : undefined) }).sleeps.find((seconds) => seconds >= 3));
  assert.deepEqual(waits, [3, 3.375, 4.485]);
});

test('a buyer whose patience ends goes home, and was refused', () => {
  const seen = visit(buy, { says: () => ({ ...BEHIND, retryAfter: 30 }) });
  assert.equal(seen.posts.length, 1);
  assert.deepEqual(seen.books, { asked: 2, promised: 0, refused: 2, repeated: 0 });
});

test('a buyer tries three times, not for ever', () => {
  assert.equal(visit(buy, { says: () => BEHIND }).posts.length, 3);
});

test('sold out is final', () => {
  const seen = visit(buy, { says: () => SOLD_OUT });
  assert.equal(seen.posts.length, 1);
  assert.equal(seen.books.refused, 2);
});

for (const [what, nothing] of [['silence', SILENCE], ['a 408 for a silent connection', { status: 408 }], ['an answer that nobody knows the outcome', UNKNOWN], ["a proxy's 503", { status: 503 }], ['a broken server', { status: 500 }]]) {
  test(`${what} is neither promised nor refused, also when a refusal follows`, () => {
    const seen = visit(buy, { says: (n) => (n === 1 ? nothing : SOLD_OUT) });
    assert.deepEqual(seen.books, { asked: 2, promised: 0, refused: 0, repeated: 0 });
  });
}

test('what is declared is an answer, silence is none, and everything else is a surprise', () => {
  for (const [route, statuses] of Object.entries(EXPECTED)) {
    for (const status of statuses) assert.equal(kind(route, { status }), 'answered', `${route} ${status}`);
    assert.equal(kind(route, { status: 0 }), 'unanswered');
    assert.equal(kind(route, { status: 408 }), 'unanswered', 'for a connection that was silent, not for this request');
    for (const status of [400, 404, 422, 500, 502]) assert.equal(kind(route, { status }), 'unexpected', `${route} ${status}`);
    assert.equal(kind(route, { status: 408, code: 'too_slow' }), 'unexpected');
  }
  assert.equal(kind('buy', { status: 200 }), 'unexpected', 'an order is never "200"');
});

test('silence that turns out to be a promise is one', () => {
  const seen = visit(buy, { says: (n) => (n === 1 ? SILENCE : undefined) });
  assert.equal(seen.books.promised, 2);
});

test('a double click and a reload are one order, promised once', () => {
  const seen = visit(impatient);
  assert.equal(seen.posts.length, 3);
  assert.equal(new Set(seen.posts.map(({ key }) => key)).size, 1);
  assert.deepEqual(seen.books, { asked: 1, promised: 1, refused: 0, repeated: 2 });
  assert.deepEqual(seen.failed, []);
});

test('who is impatient waits for nothing, nor does a bot', () => {
  assert.deepEqual(visit(impatient, { says: () => BEHIND }).sleeps, []);
  const seen = visit(bot, { random: Math.random, says: () => BEHIND });
  assert.deepEqual(seen.sleeps, []);
  assert.equal(new Set(seen.posts.map(({ key }) => key)).size, 8, 'each a new order');
  assert.deepEqual(seen.books, { asked: 48, promised: 0, refused: 48, repeated: 0 });
});

test('a shop that lies is caught by the checks', () => {
  const lies = [
    [{ status: 202, location: '/x', body: '{"orderId":"another","quantity":2,"status":"pending","statusUrl":"/x"}' }, 'buy: 202 is about my key'],
    [{ status: 202, body: 'taken' }, 'buy: 202 is about my key'],
    [{ status: 503, code: 'writers_behind' }, 'buy: "not now" says when'],
    [{ status: 409 }, 'buy: a refusal has a code'],
  ];
  for (const [lie, what] of lies) assert.ok(visit(buy, { says: () => lie }).failed.includes(what), what);
  assert.ok(visit(buy, { status: 'rejected' }).failed.includes('order: a promise is kept'));
});

test('each visit makes as many requests as plans reckon with', () => {
  for (const journey of Object.values(JOURNEYS)) {
    assert.equal(visit(journey).requests, journey.requests.selling, `${journey.name} while it sells`);
    assert.equal(visit(journey, { says: () => SOLD_OUT }).requests, journey.requests.soldOut, `${journey.name} when sold out`);
  }
});

test('every crowd is complete, and its journeys come by their weights', () => {
  for (const [crowd, weights] of Object.entries(CROWDS)) {
    assert.equal(Object.values(weights).reduce((sum, weight) => sum + weight), 100, crowd);
    const came = Array.from({ length: 100 }, (_, at) => oneOf(crowd, (at + 0.5) / 100).name);
    for (const [name, weight] of Object.entries(weights)) assert.equal(came.filter((each) => each === name).length, weight, `${crowd}: ${name}`);
  }
});

test('a key is a UUIDv7 of its moment', () => {
  const key = freshKey(0x0198_1a2b_3c4d, Math.random);
  assert.match(key, /^01981a2b-3c4d-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(Array.from({ length: 10_000 }, () => freshKey(1, Math.random))).size, 10_000);
});
