// The editor: a refused save keeps what was typed, and a long text is not edited here.

import AxeBuilder from '@axe-core/playwright';
import { deploySite } from '../support/demo.js';
import { expect, signIn, test, tooWide } from '../support/test.js';

for (const scripts of [true, false]) {
  test.describe(scripts ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripts });

    test('a refused save shows the text that it kept', async ({ page, demo }) => {
      const { site } = await deploySite(demo);
      await signIn(page, demo);
      const shown = (name) => page.frameLocator('iframe#preview').getByRole('heading', { name });
      const source = page.locator(scripts ? '.cm-content' : 'textarea#content');
      await page.goto(`/sites/${site.id}/variants/new`);

      // The untouched template.
      await page.getByLabel('Path of the page').fill('/oak');
      await page.getByRole('button', { name: 'Save and publish' }).click();
      await expect(page.getByRole('alert')).toContainText('is still the empty template');
      await expect(page.getByRole('alert')).toContainText('Fill in the title');

      // Refused again and again: for its path, and because there is such a variant.
      for (const [path, words, title] of [
        ['/a/../b', 'has a segment', 'Oak'],
        ['https://elsewhere.example/x', 'is not a host name of this site', 'Elm'],
        [`http://shop.localhost:8787/pricing`, '/pricing has an html variant already', 'Ash'],
      ]) {
        await page.getByLabel('Path of the page').fill(path);
        await source.fill(`<h1>${title}</h1>`);
        await page.getByRole('button', { name: 'Save and publish' }).click();
        await expect(page.getByRole('alert')).toContainText(words);
        await expect(source).toContainText(title);
        await expect(shown(title)).toBeVisible();
      }
      await page.getByRole('link', { name: 'Open the variant that is there' }).click();
      await expect(page.getByRole('heading', { name: '/pricing', level: 1 })).toBeVisible();
    });
  });
}

test('a long variant is shown in part', async ({ page, demo }) => {
  const { rest, site } = await deploySite(demo);
  const long = `<h1>Everything</h1>${'<p>Desk lamp No. 4, and all that was ever said of it.</p>'.repeat(20_000)}`;
  await rest('PUT', `/sites/${site.id}/variants/html/everything`, long, 'text/html');
  await signIn(page, demo);
  await page.goto(`/sites/${site.id}/variants/edit?format=html&path=/everything`);
  await expect(page.getByRole('heading', { name: 'Too long for the editor' })).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))).toEqual([]);
  await page.setViewportSize({ width: 360, height: 780 });
  expect(await tooWide(page)).toEqual([]);
  await page.screenshot({ path: '../../test-results/pictures/variant-long-360.png' });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.screenshot({ path: '../../test-results/pictures/variant-long-1280.png' });
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toBe('everything.html');
  await page.getByRole('button', { name: 'Unpublish' }).click();
  await expect(page.getByRole('status').first()).toContainText('Unpublished');
});
