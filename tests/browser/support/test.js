// `test` with a demo of its own, and the deeds that several tests begin with.

import AxeBuilder from '@axe-core/playwright';
import { test as base, expect } from '@playwright/test';
import { restOf, startDemo } from './demo.js';

export { expect, restOf };

export const test = base.extend({
  // eslint-disable-next-line no-empty-pattern
  demo: async ({}, use) => {
    const demo = await startDemo();
    await use(demo);
    const code = await demo.stop();
    expect(code, demo.log()).toBe(0);
  },
  baseURL: async ({ demo }, use) => use(demo.console),
});

export async function signIn(page, demo) {
  await page.goto('/');
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel('E-mail').fill(demo.email);
  await page.getByLabel('Password', { exact: true }).fill(demo.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).not.toHaveURL(/\/sign-in/);
}

/** Whatever is too wide for the window, in words. */
export function tooWide(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll('body *')]
      .filter((one) => one.getBoundingClientRect().right > width + 1)
      .slice(0, 5)
      .map((one) => `${one.tagName.toLowerCase()}.${one.className} ends at ${Math.round(one.getBoundingClientRect().right)}`);
  });
}

/** Violations of accessibility rules, in words; the sandboxed frames show other people's pages. */
export async function sound(page) {
  const { violations } = await new AxeBuilder({ page }).exclude('iframe').analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).slice(0, 4).join(', ')}`);
}

/** Looks at a page in light and dark, on a phone and a desk: it breaks no rule, nothing is too wide, and there is a picture of it. */
export async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await sound(page), `${name}, ${colorScheme}`).toEqual([]);
    for (const width of [360, 390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await tooWide(page), `${name} at ${width}`).toEqual([]);
      await page.screenshot({ path: `../../test-results/pictures/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
}
