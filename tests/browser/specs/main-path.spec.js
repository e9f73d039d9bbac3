// From sign-in to a variant at the edge and back to an untouched account, with and without scripts.

import { expect, signIn, test } from '../support/test.js';

const VARIANT = '<h1>Pricing for agents</h1><p>Desk lamp No. 4 costs 189 €.</p>';

for (const scripts of [true, false]) {
  test.describe(scripts ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripts });

    test('sign in, connect, deploy, publish, visit, remove', async ({ page, demo }) => {
      const state = () => fetch(`${demo.cloudflareControl}/state`).then((answer) => answer.json());
      const before = await state();

      await signIn(page, demo);
      await page.getByRole('main').getByRole('link', { name: 'Connect Cloudflare' }).first().click();
      await expect(page.getByRole('heading', { name: 'Connect Cloudflare', level: 1 })).toBeVisible();

      // A token that lacks a permission: what is wrong, why, what to do; the token is not shown again.
      const token = page.getByLabel('API token', { exact: true });
      await token.fill(demo.tokens.missing);
      await page.getByRole('button', { name: 'Check token and connect' }).click();
      const panel = page.getByRole('alert');
      await expect(panel).toBeVisible();
      await expect(panel).toContainText('Workers Routes');
      await expect(panel.getByRole('heading', { name: 'Why it may be so' })).toBeVisible();
      await expect(panel.getByRole('heading', { name: 'What to do' })).toBeVisible();
      expect(await page.content()).not.toContain(demo.tokens.missing);

      await token.fill(demo.tokens.good);
      await page.getByRole('button', { name: 'Check token and connect' }).click();
      await expect(page.getByRole('status').first()).toContainText('Connected');
      expect(await page.content()).not.toContain(demo.tokens.good);

      const zone = page.getByRole('row', { name: /shop\.localhost/ });
      await zone.getByRole('link', { name: 'Deploy' }).click();
      await expect(page.getByRole('heading', { name: 'Choose a domain' })).toBeVisible();
      await expect(page.getByRole('radio', { name: /shop\.localhost/ })).toBeChecked();
      await page.getByRole('button', { name: 'See the plan' }).click();
      await expect(page.getByRole('heading', { name: 'Plan', exact: true })).toBeVisible();
      expect(await state()).toEqual(before);

      await page.getByRole('button', { name: /^Deploy/ }).click();
      await expect(page).toHaveURL(/\/deployments\//);
      const steps = page.getByRole('region', { name: 'Steps' }).or(page.locator('section', { hasText: 'Steps' })).first();
      await expect(steps).toBeVisible();
      await expect(page.getByRole('link', { name: 'Write the first variant' })).toBeVisible({ timeout: 30_000 });
      expect((await state()).routes).toHaveLength(before.routes.length + 1);

      await page.getByRole('link', { name: 'Write the first variant' }).click();
      await page.getByLabel('Path of the page').fill('/pricing');
      await page.getByRole('radio', { name: /HTML/ }).check();
      await page.locator(scripts ? '.cm-content' : 'textarea#content').fill(VARIANT);
      await page.getByRole('button', { name: 'Save and publish' }).click();
      await expect(page.getByRole('heading', { name: '/pricing', level: 1 })).toBeVisible();

      // It is on its way to the edge; asked again until it is there.
      const site = (await page.getByRole('navigation', { name: 'Where you are' }).getByRole('link').last().getAttribute('href'));
      await expect(async () => {
        await page.goto(`${site}/visit?path=/pricing&visitor=gptbot&beside=chrome`);
        await expect(page.locator('section.lane').first()).toContainText('x-edge-delivery', { timeout: 500 });
      }).toPass({ timeout: 30_000 });
      const [agent, person] = [page.locator('section.lane').nth(0), page.locator('section.lane').nth(1)];
      await expect(agent).toContainText('GPTBot');
      await expect(agent.frameLocator('iframe').getByRole('heading', { name: 'Pricing for agents' })).toBeVisible();
      await expect(person).toContainText('Chrome');
      await expect(person).not.toContainText('x-edge-delivery');
      await expect(person.frameLocator('iframe').getByRole('heading', { name: 'Pricing', exact: true })).toBeVisible();

      await page.goto(`${site}/settings`);
      await page.getByRole('link', { name: /^Remove/ }).click();
      await page.getByLabel(/to confirm/).fill('something else');
      await page.getByRole('button', { name: /^Remove/ }).click();
      await expect(page.getByRole('alert')).toBeVisible();
      const name = await page.getByRole('heading', { level: 1 }).innerText();
      await page.getByLabel(/to confirm/).fill(name.replace(/^Remove /, ''));
      await page.getByRole('button', { name: /^Remove/ }).click();
      await expect(page).toHaveURL(/\/deployments\//);
      await expect.poll(state, { timeout: 30_000 }).toEqual(before);
      // The account is as before; a moment later the site itself is gone, too.
      await expect(async () => {
        await page.goto('/sites');
        await expect(page.getByRole('heading', { name: 'No site yet' })).toBeVisible({ timeout: 1_000 });
      }).toPass({ timeout: 15_000 });
    });
  });
}
