// Every page: no accessibility violation, nothing wider than a phone; and a picture of each in both themes.

import { deploySite } from '../support/demo.js';
import { expect, signIn, sound, test, tooWide } from '../support/test.js';

const PICTURES = '../../test-results/pictures';

/** The pages, by name. */
function pagesOf({ connection, site, deployment }) {
  return {
    overview: '/',
    sites: '/sites',
    'site-new': '/sites/new',
    site: `/sites/${site.id}`,
    plan: `/sites/${site.id}/plan`,
    plans: `/sites/plans?site=${site.id}`,
    deploying: `/sites/deploying?d=${deployment.id}`,
    'site-edge': `/sites/${site.id}/edge`,
    'site-alerts': `/sites/${site.id}/alerts`,
    'site-settings': `/sites/${site.id}/settings`,
    remove: `/sites/${site.id}/remove`,
    visit: `/sites/${site.id}/visit?path=/pricing&visitor=gptbot&beside=chrome`,
    'variant-new': `/sites/${site.id}/variants/new`,
    variant: `/sites/${site.id}/variants/edit?format=html&path=/pricing`,
    'variant-history': `/sites/${site.id}/variants/history?format=html&path=/pricing`,
    'variant-compare': `/sites/${site.id}/variants/compare?format=html&path=/pricing`,
    import: `/sites/${site.id}/variants/import`,
    clear: `/sites/${site.id}/variants/clear?prefix=/`,
    make: `/sites/${site.id}/variants/make`,
    live: `/sites/${site.id}/variants/live?format=html&path=/pricing`,
    deployment: `/deployments/${deployment.id}`,
    connections: '/connections',
    connection: `/connections/${connection.id}`,
    connect: '/connections/new',
    guide: '/connect/guide',
    replace: `/connections/${connection.id}/token`,
    agents: '/agents',
    'agents-verification': '/agents/verification?agent=GPTBot&address=192.0.2.7',
    agent: '/agents/GPTBot',
    'agent-registry': '/agents/registry',
    activity: '/activity',
    log: '/activity/log',
    settings: '/settings',
  };
}

async function look(page, name, scheme, found) {
  for (const line of await sound(page)) found.push(`${name} (${scheme}): ${line}`);
  for (const width of [360, 390, 1280]) {
    await page.setViewportSize({ width, height: width > 1000 ? 800 : 780 });
    if (width < 1000) for (const line of await tooWide(page)) found.push(`${name} at ${width}: ${line}`);
    if (width > 360) await page.screenshot({ path: `${PICTURES}/${name}-${width}-${scheme}.png`, fullPage: true });
  }
}

for (const scheme of ['light', 'dark']) {
  test.describe(`pages, ${scheme}`, () => {
    test.use({ colorScheme: scheme, reducedMotion: 'reduce' });

    test('of a deployed site', async ({ page, demo }) => {
      const deployed = await deploySite(demo);
      const errors = [];
      page.on('pageerror', (error) => errors.push(`${page.url()}: ${error}`));
      page.on('console', (message) => {
        // The sites inside the sandboxed frames may not run scripts, and say so.
        const isFramed = /about:srcdoc|sandbox/.test(message.text());
        if (message.type() === 'error' && !isFramed) errors.push(`${page.url()}: ${message.text()}`);
      });
      await signIn(page, demo);
      const found = [];
      for (const [name, path] of Object.entries(pagesOf(deployed))) {
        const answer = await page.goto(path);
        if (answer.status() !== 200) found.push(`${name}: ${answer.status()}`);
        await look(page, name, scheme, found);
      }
      expect(found).toEqual([]);
      expect(errors).toEqual([]);
    });

    test('of a first run', async ({ page, demo }) => {
      const found = [];
      await page.goto('/sign-in');
      await look(page, 'sign-in', scheme, found);
      await signIn(page, demo);
      for (const [name, path] of [['overview', '/'], ['sites', '/sites'], ['connections', '/connections'], ['activity', '/activity']]) {
        await page.goto(path);
        await look(page, `empty-${name}`, scheme, found);
      }
      await page.goto('/connections/new');
      await page.getByLabel('API token', { exact: true }).fill(demo.tokens.missing);
      await page.getByRole('button', { name: 'Check token and connect' }).click();
      await expect(page.getByRole('alert')).toBeVisible();
      await look(page, 'connect-refused', scheme, found);
      for (const fold of await page.locator('details.fold > summary').all()) await fold.click();
      await look(page, 'connect-folds', scheme, found);
      expect(found).toEqual([]);
    });
  });
}
