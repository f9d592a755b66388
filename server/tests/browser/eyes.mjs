// What a page must be for everyone's eyes: no violation that axe can see, nothing wider than the screen.

import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

export const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ALL_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What alone can differ between light and dark. */
export const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

export const PHONE = { width: 320, height: 640 };

/** One line for each rule of WCAG 2.2 AA (and axe's best practice) that the page breaks. `without` names rules to leave out. */
export async function violations(page, rules = ALL_RULES, without = []) {
  // A page that has it keeps it: the second look at one costs a third.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeSource);
  const options = { runOnly: rules, resultTypes: ['violations'], rules: Object.fromEntries(without.map((rule) => [rule, { enabled: false }])) };
  const found = await page.evaluate((options) => window.axe.run(options), options);
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map((node) => node.target).join(' | ')})`);
}

/** Empty, or what makes the page scroll sideways. */
export async function tooWide(page) {
  return page.evaluate((width) => {
    const root = document.documentElement;
    if (root.scrollWidth <= width) return [];
    const beyond = [...document.body.querySelectorAll('*')].filter((part) => part.getBoundingClientRect().right > width);
    return [`${root.scrollWidth} wide`, ...beyond.map((part) => part.outerHTML.slice(0, 100))].slice(0, 5);
  }, PHONE.width);
}
