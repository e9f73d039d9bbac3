// Changes from outside, on the pages where they would be put back; and the list of many sites.

import { deploySite } from '../support/demo.js';
import { expect, signIn, sound, test, tooWide } from '../support/test.js';

const PICTURES = '../../test-results/pictures';

/** Edits what was deployed as another client does: the Worker's tags, and its route is gone. */
async function editOutside(demo) {
  const api = demo.environment.CLOUDFLARE_API_BASE_URL;
  const state = await (await fetch(`${new URL(api).origin}/__emulator/state`)).json();
  const call = async (method, path, body) => {
    const answer = await fetch(`${api}${path}`, {
      method,
      headers: { authorization: `Bearer ${demo.tokens.good}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
  };
  const script = state.scripts.find((one) => one.name.startsWith('edge-delivery-'));
  const route = state.routes.find((one) => one.script === script.name);
  const at = `/accounts/${script.account}/workers/scripts/${script.name}`;
  await call('PATCH', `${at}/script-settings`, { tags: ['theirs'] });
  await call('DELETE', `/zones/${route.zone}/workers/routes/${route.id}`);
}

async function picture(page, name, found, hasScripts = true) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    if (hasScripts) for (const line of await sound(page)) found.push(`${name} (${scheme}): ${line}`);
    for (const width of [360, 390, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      if (width < 1000) for (const line of await tooWide(page)) found.push(`${name} at ${width}: ${line}`);
      if (width > 360) await page.screenshot({ path: `${PICTURES}/${name}-${width}-${scheme}.png`, fullPage: true });
    }
  }
}

test('a change from outside is named, and put back only with a tick', async ({ page, demo }) => {
  const { rest, site } = await deploySite(demo);
  await editOutside(demo);
  await signIn(page, demo);
  const found = [];
  await page.goto(`/sites/${site.id}/plan`);
  await expect(page.getByRole('heading', { name: 'Changed outside Edge Delivery' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Repair' })).toBeVisible();
  await picture(page, 'plan-edited', found);

  await page.goto(`/sites/plans?site=${site.id}`);
  await expect(page.getByText('Worker: tags')).toBeVisible();
  await picture(page, 'plans-edited', found);
  await page.getByRole('button', { name: 'Deploy them' }).click();
  await expect(page.getByText('was changed outside Edge Delivery')).toBeVisible();
  expect((await rest('GET', `/sites/${site.id}/plan`)).differences.length).toBeGreaterThan(1);

  await page.goto(`/sites/plans?site=${site.id}`);
  await page.getByLabel('Deploy Lamp shop, too, and put this back.').check();
  await page.getByRole('button', { name: 'Deploy them' }).click();
  await expect(page.getByText('1 of 1 done')).toBeVisible({ timeout: 30_000 });
  await page.getByRole('link', { name: 'Lamp shop' }).last().click();
  await expect(page.getByText('Put back over a change from outside').first()).toBeVisible();
  await picture(page, 'deployment-put-back', found);
  await page.goto(`/sites/${site.id}/plan`);
  await picture(page, 'plan-after', found);
  expect((await rest('GET', `/sites/${site.id}/plan`)).differences).toEqual([]);
  expect(found).toEqual([]);
});

test.describe('many sites', () => {
  test.use({ javaScriptEnabled: false });

  test('are found by name and host name, without scripts', async ({ page, demo }) => {
    const { rest, connection, site } = await deploySite(demo);
    const { zoneId } = await rest('GET', `/sites/${site.id}`);
    for (let number = 1; number <= 13; number += 1) {
      await rest('POST', '/sites', {
        connectionId: connection.id,
        zoneId,
        name: `Branch ${number}`,
        hostnames: [`branch-${number}.shop.localhost`, `www.branch-${number}.shop.localhost`],
      });
    }
    await signIn(page, demo);
    await page.goto('/');
    await page.getByRole('link', { name: 'All 14 sites' }).click();
    await expect(page).toHaveURL(/\/sites$/);
    const found = [];
    await picture(page, 'sites-many', found, false);
    await page.getByLabel('Name or host name holds').fill('WWW.branch-13');
    await page.getByRole('button', { name: 'Find' }).click();
    await expect(page.locator('tbody tr')).toHaveCount(1);
    await expect(page.locator('tbody th')).toHaveText('Branch 13');
    await page.getByLabel('Name or host name holds').fill('nothing like it');
    await page.getByRole('button', { name: 'Find' }).click();
    await expect(page.getByText('No site holds nothing like it')).toBeVisible();
    await picture(page, 'sites-none-found', found, false);
    expect(found).toEqual([]);
  });
});
