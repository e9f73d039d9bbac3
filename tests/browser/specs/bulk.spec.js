// Importing a file, deleting many, and a draft made of a live page; without scripts, as a form in a browser does it.

import { deploySite } from '../support/demo.js';
import { expect, signIn, sound, test, tooWide } from '../support/test.js';

const PICTURES = '../../test-results/pictures';

async function picture(page, name) {
  expect(await sound(page)).toEqual([]);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await tooWide(page)).toEqual([]);
    await page.screenshot({ path: `${PICTURES}/${name}-${width}.png`, fullPage: true });
  }
}

test.describe('many variants', () => {
  test.use({ javaScriptEnabled: false });

  test('are imported after a check, and deleted after a count', async ({ page, demo }) => {
    const { site } = await deploySite(demo);
    await signIn(page, demo);
    await page.goto(`/sites/${site.id}/variants/import`);
    const good = (path) => JSON.stringify({ path, format: 'html', content: `<h1>${path}</h1>` });
    const bad = JSON.stringify({ path: '/../x', format: 'html', content: 'x' });
    const file = { name: 'pages.ndjson', mimeType: 'application/x-ndjson', buffer: Buffer.from([good('/many/a'), bad, good('/many/b')].join('\n')) };
    await page.getByLabel('File').setInputFiles(file);
    await page.getByRole('button', { name: 'Check it' }).click();
    await expect(page.getByRole('heading', { name: 'Checked, nothing saved yet' })).toBeVisible();
    await expect(page.getByRole('cell', { name: /segment/ })).toBeVisible();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download the bad lines' }).click();
    const stream = await (await download).createReadStream();
    let text = '';
    for await (const piece of stream) text += piece;
    expect(text).toBe(`${bad}\n`);
    await page.getByRole('button', { name: 'Publish 2' }).click();
    await expect(page.getByRole('heading', { name: 'Imported' })).toBeVisible();

    await page.goto(`/sites/${site.id}/variants/clear`);
    await page.getByLabel('Paths that begin with').fill('/many/');
    await page.getByRole('button', { name: 'Count them' }).click();
    await page.getByLabel(/to confirm/).fill('3');
    await page.getByRole('button', { name: 'Delete 2 variants' }).click();
    await expect(page.getByText(/not 3; nothing was deleted/)).toBeVisible();
    await page.getByLabel(/to confirm/).fill('2');
    await page.getByRole('button', { name: 'Delete 2 variants' }).click();
    await expect(page.getByText('The variants and their revisions are deleted.')).toBeVisible();
  });
});

test('a draft is made of a live page and stands beside it', async ({ page, demo }) => {
  const { site } = await deploySite(demo);
  await signIn(page, demo);
  await page.goto(`/sites/${site.id}/variants/make`);
  await page.getByLabel('Paths, one to a line').fill('/about\n/nowhere-at-all');
  await page.getByRole('button', { name: 'Make drafts' }).click();
  await expect(page.getByText(/Done/).first()).toBeVisible({ timeout: 20_000 });
  await picture(page, 'making');
  await page.getByRole('link', { name: '/about', exact: true }).click();
  await expect(page.frameLocator('iframe').first().locator('h1')).toBeVisible();
  await picture(page, 'live-draft');
});
