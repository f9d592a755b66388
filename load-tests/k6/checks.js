// What must be true of bodies and headers. A status alone is no proof that the shop did what it says. Pure, but for the visitor.

/** A page of the event, whole. */
export function checkPage(visitor, answer) {
  if (answer.status !== 200) return;
  visitor.check('page: is the whole page of the event', answer.body.includes('</html>') && answer.body.includes('<h1'));
}

/** The numbers. Returns them, or nothing when there are none. */
export function checkAvailability(visitor, answer) {
  if (answer.status === 304) return visitor.check('availability: 304 has no body', !answer.body), undefined;
  if (answer.status !== 200) return undefined;
  const numbers = parsed(answer);
  const sound = Number.isInteger(numbers?.available) && Number.isInteger(numbers?.total);
  visitor.check('availability: two whole numbers', sound);
  visitor.check('availability: never below 0 or above the total', sound && numbers.available >= 0 && numbers.available <= numbers.total);
  visitor.check('availability: has an ETag', Boolean(answer.etag));
  return sound ? numbers : undefined;
}

/** A promise: about this very order. */
export function check202(visitor, order, answer) {
  const taken = parsed(answer);
  visitor.check('buy: 202 is about my key', taken?.orderId === order.key);
  visitor.check('buy: 202 is about my tickets', taken?.quantity === order.quantity);
  visitor.check('buy: 202 says where to ask', taken?.statusUrl === `/api/orders/${order.key}` && answer.location === taken.statusUrl);
  visitor.check('buy: 202 is pending or confirmed', ['pending', 'confirmed'].includes(taken?.status));
}

/** A no, or a not now: as problem details, with a time to come back where there is one. */
export function checkRefusal(visitor, answer) {
  visitor.check('buy: a refusal has a code', Boolean(answer.code) || answer.status >= 500);
  if ([425, 429, 503].includes(answer.status)) visitor.check('buy: "not now" says when', answer.retryAfter >= 1);
}

/** Where a promised order stands. Returns its status, or nothing. */
export function checkOrder(visitor, order, answer) {
  if (answer.status !== 200) return undefined;
  const standing = parsed(answer);
  visitor.check('order: is mine', standing?.orderId === order.key);
  visitor.check('order: a promise is kept', ['pending', 'confirmed'].includes(standing?.status));
  return standing?.status;
}

export function parsed(answer) {
  try {
    return JSON.parse(answer.body);
  } catch {
    return undefined;
  }
}
