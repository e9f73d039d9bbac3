// Something odd about a site's traffic: agents come to the real edge, and their owner is told.

import { get } from 'node:http';
import { deploySite } from '../support/demo.js';
import { expect, look, signIn, test } from '../support/test.js';

/** One visit of somebody whom no registry knows, and who asks for Markdown by name. */
function visit(demo, path) {
  const edge = new URL(demo.edge);
  return new Promise((resolve, reject) => {
    const headers = { host: 'shop.localhost', 'user-agent': 'NobodyKnowsIt/1.0', accept: 'text/markdown' };
    get({ hostname: '127.0.0.1', port: edge.port, path, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode));
    }).once('error', reject);
  });
}

/** Visits, and a threshold that they are above. */
async function openAlert(demo, { rest, site }) {
  for (let number = 0; number < 4; number += 1) expect(await visit(demo, '/pricing')).toBe(200);
  await expect
    .poll(async () => (await rest('GET', `/sites/${site.id}/traffic?from=24h&agent=unknown`)).totals.visits, { timeout: 60_000 })
    .toBe(4);
  await rest('PUT', `/sites/${site.id}/alert-rules`, { unknownBot: { visits: 4 } });
  await expect
    .poll(async () => (await rest('GET', '/alerts')).items.map((alert) => alert.kind), { timeout: 60_000 })
    .toEqual(['unknown_bot']);
}

for (const scripts of [true, false]) {
  test.describe(scripts ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripts });

    test('an alert is seen, followed to its visits, and put aside', async ({ page, demo }) => {
      const deployed = await deploySite(demo);
      const { site } = deployed;
      await signIn(page, demo);
      await page.goto(`/sites/${site.id}/alerts`);
      await expect(page.getByRole('heading', { name: 'Open alerts' })).toBeVisible();
      await expect(page.getByText('None.')).toBeVisible();
      if (scripts) await look(page, 'alerts-none');
      await openAlert(demo, deployed);

      const title = 'Bots that are not known came 4 times in 24 hours';
      await page.goto('/');
      await expect(page.getByText(`Lamp shop: ${title}`)).toBeVisible();
      if (scripts) await look(page, 'alerts-overview');
      await page.getByRole('link', { name: 'See the alerts' }).click();
      await expect(page.getByRole('region', { name: title })).toContainText('What to do');
      if (scripts) await look(page, 'alerts-open');

      await page.goto(`/sites/${site.id}`);
      const panel = page.getByRole('region', { name: title });
      await expect(panel).toBeVisible();
      await panel.getByText('Why it may be so, and what to do').click();
      await expect(panel.getByText('See which pages they asked for, and when.')).toBeVisible();
      if (scripts) await look(page, 'alerts-banner');
      // By the keyboard alone: from the words to the visits.
      await panel.locator('summary').focus();
      await page.keyboard.press('Tab');
      await expect(panel.getByRole('link', { name: `See these visits (${title})` })).toBeFocused();
      await page.keyboard.press('Enter');
      await expect(page).toHaveURL(/\/traffic\?from=24h&agent=unknown$/);

      await page.goBack();
      await panel.getByRole('button', { name: `I have seen it (${title})` }).click();
      await expect(page.getByRole('status').first()).toContainText('Noted.');
      await expect(page.getByRole('region', { name: title })).toContainText(`Seen by ${demo.email}`);
      await page.goto(`/sites/${site.id}`);
      await expect(page.getByRole('region', { name: title })).toHaveCount(0);

      await page.goto(`/sites/${site.id}/alerts`);
      const visits = page.getByLabel('Visits in 24 hours');
      await expect(visits).toHaveValue('4');
      await page.getByLabel('A bot that is not known comes often').uncheck();
      await page.getByRole('button', { name: 'Save' }).click();
      await expect(page.getByRole('status').first()).toContainText('Saved.');
      // It ends with the next look, which is a matter of seconds.
      await expect(async () => {
        await page.reload();
        await expect(page.getByRole('row', { name: new RegExp(title) })).toContainText('Rule switched off', { timeout: 500 });
      }).toPass();
      if (scripts) await look(page, 'alerts-past');
    });
  });
}
