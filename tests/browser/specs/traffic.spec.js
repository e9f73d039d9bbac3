// Agents come through the real Worker, and their visits are on the pages.

import { deploySite } from '../support/demo.js';
import { expect, look, signIn, sound, test, tooWide } from '../support/test.js';

const GPTBOT = 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)';
const CLAUDEBOT = 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)';
const STRANGER = 'NewThingBot/0.1 (+https://newthing.example/bot)';
const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

function visit(request, demo, userAgent, path, more = {}) {
  const headers = { host: 'shop.localhost', 'user-agent': userAgent, ...more };
  return request.get(new URL(path, demo.edge).href, { headers });
}

/** Waits until so many visits are counted. */
async function counted(rest, site, visits) {
  await expect(async () => {
    const traffic = await rest('GET', `/sites/${site.id}/traffic?from=24h`);
    expect(traffic.totals.visits).toBe(visits);
  }).toPass({ timeout: 30_000 });
}

/** Waits until agents get the variant of /pricing, by looks that are not counted. */
async function served(request, demo) {
  await expect(async () => {
    const answer = await visit(request, demo, GPTBOT, '/pricing', { 'x-edge-delivery-probe': '1' });
    expect(answer.headers()['x-edge-delivery']).toMatch(/^variant/);
  }).toPass({ timeout: 60_000 });
}

for (const scripts of [true, false]) {
  test.describe(scripts ? 'with scripts' : 'without scripts', () => {
    test.use({ javaScriptEnabled: scripts });

    test('a test visit shows up, then those of agents, by what they got', async ({ page, demo, request }) => {
      const { rest, site } = await deploySite(demo);
      await served(request, demo);
      await signIn(page, demo);
      await page.goto(`/sites/${site.id}/traffic`);
      await expect(page.getByRole('heading', { name: 'No agent came in this time' })).toBeVisible();
      if (scripts) await look(page, 'traffic-empty');
      await page.getByRole('button', { name: 'Send a test visit' }).click();
      await expect(page.getByRole('status').first()).toContainText('A test visit as GPTBot was sent');
      if (scripts) {
        // As it comes, without loading the page again.
        await expect(page.getByRole('row', { name: /GPTBot/ }).first()).toBeVisible({ timeout: 20_000 });
      }
      for (let round = 0; round < 3; round++) {
        await visit(request, demo, GPTBOT, '/pricing');
        await visit(request, demo, CLAUDEBOT, '/pricing');
        await visit(request, demo, CLAUDEBOT, '/missing');
        await visit(request, demo, CHROME, '/pricing');
      }
      await visit(request, demo, STRANGER, '/pricing');
      await counted(rest, site, 11);
      const { items } = await rest('GET', `/sites/${site.id}/traffic/recent?agent=GPTBot&path=/pricing`);
      expect(items).toHaveLength(3);
      expect(items[0]).toMatchObject({ outcome: 'variant', format: 'html', status: 200 });

      await page.goto(`/sites/${site.id}/traffic?from=24h`);
      await expect(page.getByText('Visits by agents', { exact: true })).toBeVisible();
      const claude = page.getByRole('row', { name: /ClaudeBot Anthropic/ });
      await expect(claude).toContainText('6');
      await expect(claude).toContainText('50 %');
      if (scripts) await look(page, 'traffic');
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.getByText('The same as a table').click();
      await expect(page.getByRole('columnheader', { name: 'The time before' })).toBeVisible();
      await page.getByRole('link', { name: 'Outcome', exact: true }).click();
      await expect(page).toHaveURL(/by=outcome/);
      await expect(page.getByRole('link', { name: 'Outcome', exact: true })).toHaveAttribute('aria-current', 'true');

      // What it got: the exact revision.
      const recent = page.getByRole('row', { name: /GPTBot.*\/pricing/ }).first();
      const revision = recent.getByRole('link', { name: /^html [0-9a-f]{8}$/ });
      await expect(revision).toBeVisible();

      // The filters live in the address, and each can be left out again.
      await page.getByRole('link', { name: 'ClaudeBot', exact: true }).first().click();
      await expect(page).toHaveURL(/agent=ClaudeBot/);
      await expect(page.getByRole('row', { name: /GPTBot OpenAI/ })).toHaveCount(0);
      await page.getByText('Filter', { exact: true }).click();
      await page.getByLabel('Path begins with').fill('/miss');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await expect(page).toHaveURL(/path=%2Fmiss/);
      if (scripts) expect(new URL(page.url()).searchParams.has('outcome')).toBe(false);
      await page.getByRole('link', { name: 'Show all', exact: true }).click();
      await expect(page).not.toHaveURL(/agent=/);

      // A missed page, one click from its draft.
      await page.getByRole('button', { name: 'Make a draft of /missing' }).click();
      await expect(page).toHaveURL(/\/makings\//);

      // Who is in no list, by what it calls itself.
      await page.goto(`/sites/${site.id}/traffic`);
      await page.getByRole('link', { name: 'Which ones?' }).click();
      await expect(page.getByRole('row', { name: STRANGER })).toContainText('1');
      if (scripts) await look(page, 'traffic-unknown');

      await page.goto('/');
      await expect(page.getByRole('row', { name: /^Lamp shop/ })).toContainText('11');
      if (scripts) await look(page, 'overview-visited');
    });
  });
}

test('exports hold the same figures, and no formula', async ({ page, demo, request }) => {
  const { rest, site } = await deploySite(demo);
  await served(request, demo);
  await signIn(page, demo);
  await visit(request, demo, GPTBOT, '/pricing');
  await visit(request, demo, GPTBOT, '/-1+1');
  await counted(rest, site, 2);
  await page.goto(`/sites/${site.id}/traffic?from=24h&agent=GPTBot`);
  const [day, today] = [Date.now() - 23 * 3_600_000, Date.now()].map((time) => new Date(time).toISOString().slice(0, 10));
  for (const [name, file, holds] of [
    ['Visits over time, CSV', 'series.csv', /^from,visits,variant/],
    ['Agents, CSV', 'agents.csv', /\nGPTBot,OpenAI,training,.*,2,1,0,1,0/],
    ['Pages, CSV', 'pages.csv', /\n\/pricing,true,true,1,1/],
    ['Missed pages, CSV', 'missed.csv', /\n\/-1\+1,true,false,1,0/],
    ['All of it, JSON', 'traffic.json', /"byAgent": \[/],
  ]) {
    await page.getByText('Export', { exact: true }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name, exact: true }).click();
    const taken = await download;
    const [what, extension] = file.split('.');
    expect(taken.suggestedFilename()).toBe(`Lamp-shop-${what}-${day}-${today}.${extension}`);
    const text = await (await import('node:fs/promises')).readFile(await taken.path(), 'utf8');
    expect(text).toMatch(holds);
    await page.keyboard.press('Escape');
  }
});

test('long tables are short until asked, whole on paper, and newer visits are told once', async ({ page, demo, request }) => {
  const { rest, site } = await deploySite(demo);
  await served(request, demo);
  const items = (await rest('GET', '/agents')).items.slice(0, 14);
  expect(items).toHaveLength(14);
  for (const { token } of items) await visit(request, demo, `Mozilla/5.0 (compatible; ${token}/1.0)`, `/of-${token}`);
  await visit(request, demo, GPTBOT, '/robots.txt');
  await counted(rest, site, 15);
  await signIn(page, demo);
  const address = `/sites/${site.id}/traffic?from=24h`;
  await page.goto(address);
  const agents = page.locator('section', { has: page.getByRole('heading', { name: 'Agents', exact: true }) });
  const rows = agents.locator('tbody tr:visible');
  await page.setViewportSize({ width: 1280, height: 800 });
  await expect(rows).toHaveCount(10);
  await expect(agents.locator('svg.spark').first()).toBeVisible();
  await look(page, 'traffic-long');
  await page.emulateMedia({ media: 'print' });
  await expect(agents.getByText('Show all')).toBeHidden();
  await expect(page.locator('.long tbody tr:not(:visible)')).toHaveCount(0);
  await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
  await page.setViewportSize({ width: 360, height: 800 });
  await expect(rows).toHaveCount(5);
  await agents.getByText(/^Show all \d+$/).click();
  expect(await rows.count()).toBeGreaterThan(13);
  expect(await tooWide(page)).toEqual([]);
  expect(await sound(page)).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 800 });

  // A file is missed like a page, and no draft is offered of it.
  const missed = page.locator('section', { has: page.getByRole('heading', { name: 'Missed pages' }) });
  await missed.getByText(/^Show all \d+$/).click();
  await expect(missed.getByRole('row', { name: /^\/robots\.txt/ })).toContainText('not a page');

  // The figures stand; that there is more is said once, and counted on.
  await expect(page.locator('[data-news]')).toHaveCount(0);
  await visit(request, demo, GPTBOT, '/pricing');
  await expect(page.locator('#news')).toContainText('1 new visit since this page was made', { timeout: 20_000 });
  await expect(page.locator('#said')).toHaveText('1 new visit since this page was made');
  await visit(request, demo, CLAUDEBOT, '/pricing');
  await expect(page.locator('#news')).toContainText('2 new visits', { timeout: 20_000 });
  await expect(page.locator('#said')).toHaveText('1 new visit since this page was made');
  await expect(agents.getByText('Show fewer')).toBeVisible();
  await look(page, 'traffic-news');
  await counted(rest, site, 17);
  await page.getByRole('link', { name: 'Show them' }).click();
  await expect(page.locator('[data-news]')).toHaveCount(0);
  await expect(page).toHaveURL(new RegExp(`${address.replace('?', '\\?')}$`));
  await expect(page.locator('.facts')).toContainText('17');

  await page.goto(`${address}&agent=GPTBott`);
  await expect(page.getByText('GPTBott is no agent of the registry')).toBeVisible();
  await look(page, 'traffic-unlisted');
  await page.getByRole('main').getByRole('link', { name: 'GPTBot', exact: true }).click();
  await expect(page).toHaveURL(/agent=GPTBot$/);
});

test('what is kept, and that it is deleted, is the owner’s to say', async ({ page, demo, request }) => {
  const { rest, site } = await deploySite(demo);
  await visit(request, demo, GPTBOT, '/pricing');
  await counted(rest, site, 1);
  await signIn(page, demo);
  await page.goto(`/sites/${site.id}/settings`);
  await page.getByLabel('Keep single visits, in days').fill('7');
  await page.getByLabel('Keep a shortened address with each visit').check();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('status').first()).toContainText('Saved');
  await expect(page.getByLabel('Keep single visits, in days')).toHaveValue('7');
  await look(page, 'site-settings-kept');
  await page.getByRole('link', { name: /^Delete all visits of this site/ }).click();
  await look(page, 'visits-delete');
  await page.getByRole('textbox').fill('another name');
  await page.getByRole('button', { name: 'Delete all visits of Lamp shop' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByRole('textbox').fill('Lamp shop');
  await page.getByRole('button', { name: 'Delete all visits of Lamp shop' }).click();
  await expect(page).toHaveURL(/\/settings/);
  await page.goto(`/sites/${site.id}/traffic`);
  await expect(page.getByRole('heading', { name: 'No agent came in this time' })).toBeVisible();
});
