// The API's description as a developer meets it: from this server alone, whole, and tried out from the page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { picture, story } from './harness.mjs';

test('the API is described and tried out without any other server', story({}, async ({ shop, visitor }) => {
  const page = await (await visitor()).newPage();
  await page.goto('/api/docs');
  const buying = page.locator('#operations-featured_event-buyTickets');
  await buying.getByRole('button').first().click();
  await buying.getByText('Example Value').first().waitFor();
  await picture(page, 'api-docs');
  // Swagger UI lists here what it cannot resolve.
  assert.equal(await page.locator('.errors-wrapper').count(), 0);

  await buying.getByRole('button', { name: 'Try it out' }).click();
  await buying.getByRole('button', { name: 'Execute' }).click();
  await buying.locator('.live-responses-table .response-col_status', { hasText: '202' }).waitFor();
  assert.equal((await shop.availability()).total, 1000);
}));
