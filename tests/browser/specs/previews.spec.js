// A draft on the live site, and what a change of the paths' settings says.

import { deploySite } from '../support/demo.js';
import { expect, look, signIn, test } from '../support/test.js';

for (const scripts of [true, false]) {
  test.describe(scripts ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripts });

    test('a draft is seen on the live site until its link is revoked', async ({ page, context, demo }) => {
      const { rest, site } = await deploySite(demo);
      const draft = '<!doctype html><title>Draft</title><h1>Draft of the pricing page</h1><script>document.title = "ran"</script>';
      await rest('PATCH', `/sites/${site.id}`, { settings: { allowScripts: true } });
      await rest('PUT', `/sites/${site.id}/variants/html/pricing?publish=false`, draft, 'text/html');
      await signIn(page, demo);
      await page.goto(`/sites/${site.id}/variants/edit?format=html&path=/pricing`);
      await page.getByRole('button', { name: 'Preview on the live site' }).click();
      await expect(page.getByRole('status').first()).toContainText('The preview link is made');
      if (scripts) await look(page, 'variant-previewed');
      const opened = context.waitForEvent('page');
      await page.getByRole('link', { name: /^Open on shop\.localhost/ }).click();
      const live = await opened;
      await expect(live.getByRole('heading', { name: 'Draft of the pricing page' })).toBeVisible();
      expect(new URL(live.url()).hostname).toBe('shop.localhost');
      expect(await live.title()).toBe('Draft');

      await page.getByRole('button', { name: /^Revoke the link/ }).click();
      await expect(page.getByRole('status').first()).toContainText('The preview link is revoked');
      await expect(async () => {
        await live.reload();
        await expect(live.getByRole('heading', { name: 'Draft of the pricing page' })).toHaveCount(0);
      }).toPass();
    });

    test('settings that would merge variants name them and offer it', async ({ page, demo }) => {
      const { rest, site } = await deploySite(demo);
      for (const path of ['lamps', 'lamps/']) {
        await rest('PUT', `/sites/${site.id}/variants/html/${path}`, `<h1>${path}</h1>`, 'text/html');
      }
      await signIn(page, demo);
      await page.goto(`/sites/${site.id}/settings`);
      await page.getByLabel('One page, written without').check();
      await page.getByLabel('Query parameters that make another page').fill('page');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(page.getByRole('alert')).toContainText('/lamps and /lamps/ would be one page');
      await expect(page.getByLabel('One page, written without')).toBeChecked();
      if (scripts) await look(page, 'site-settings-merge');
      await page.getByLabel('Merge variants that become one page').check();
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(page.getByRole('status').first()).toContainText('Saved');

      await page.getByText('Make a new preview key', { exact: true }).first().click();
      await page.getByLabel('End every preview link of this site').check();
      await page.getByRole('button', { name: 'Make a new preview key' }).click();
      await expect(page.getByRole('status').first()).toContainText('Every preview link is revoked');
      await expect(page.getByText('Previews get a new key')).toBeVisible();
    });
  });
}
