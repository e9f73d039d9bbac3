// Agents: found, looked up, a newer registry from a file to being in force and back, and who gets variants at a site.

import { deploySite } from '../support/demo.js';
import { expect, signIn, sound, test, tooWide } from '../support/test.js';

const PICTURES = '../../test-results/pictures';

async function look(page, name) {
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    if (width < 1000) expect(await tooWide(page)).toEqual([]);
    await page.screenshot({ path: `${PICTURES}/${name}-${width}.png`, fullPage: true });
  }
  expect(await sound(page)).toEqual([]);
}

test('a newer registry is staged, put in force and taken back', async ({ page, demo }) => {
  const { site } = await deploySite(demo);
  await signIn(page, demo);
  await page.goto('/agents');
  await page.getByLabel('Name or operator').fill('anthropic');
  await expect(page.locator('#agents').getByRole('link', { name: 'ClaudeBot', exact: true })).toBeVisible();
  await expect(page.locator('#agents').getByRole('link', { name: 'GPTBot', exact: true })).toHaveCount(0);
  await page.getByLabel('User agent').fill('Mozilla/5.0 (compatible; GPTBot/1.3; +https://openai.com/gptbot)');
  await page.getByRole('button', { name: 'Look it up' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'An AI agent of OpenAI' })).toBeVisible();

  await page.goto('/agents/registry');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as JSON' }).click();
  const file = await (await download).createReadStream();
  let text = '';
  for await (const chunk of file) text += chunk;
  const document = JSON.parse(text);
  document.version = 'newer';
  document.agents.push({ token: 'FreshlyMadeBot', operator: 'Somebody', purpose: 'search', evidence: 'reported' });
  const upload = async (content) => {
    await page.getByLabel('Document').setInputFiles({ name: 'agents.json', mimeType: 'application/json', buffer: Buffer.from(content) });
    await page.getByRole('button', { name: 'Check and stage it' }).click();
  };
  await upload(JSON.stringify({ ...document, agents: [{ ...document.agents[0], token: 'Chrome' }] }));
  await expect(page.getByText('is a common word').first()).toBeVisible();
  await look(page, 'agent-registry-refused');
  await upload(JSON.stringify(document));
  await expect(page.getByText('FreshlyMadeBot').first()).toBeVisible();
  await look(page, 'agent-registry-staged');
  await page.getByRole('button', { name: 'Put version newer in force' }).click();
  await expect(page.getByText('It is in force.')).toBeVisible();
  await page.goto(`/sites/${site.id}/plan`);
  await expect(page.getByText('a new agents table')).toBeVisible();
  await page.goto('/agents/FreshlyMadeBot');
  await expect(page.getByText('by its purpose')).toBeVisible();
  await look(page, 'agent');
  await page.goto('/agents/registry');
  await page.getByRole('button', { name: 'Go back to the built-in registry' }).click();
  await expect(page.getByText('The earlier registry is in force again.')).toBeVisible();
  await look(page, 'agent-registry');

  await page.goto(`/sites/${site.id}/settings`);
  const part = page.locator('#agents');
  await part.getByLabel('Agents that train models').uncheck();
  await part.getByLabel('Say something of a single one').fill('Googlebot');
  await part.getByLabel('What it gets').selectOption('serve');
  await part.getByRole('button', { name: 'Save who gets variants' }).click();
  await expect(page.getByText('tick the box')).toBeVisible();
  await expect(part.getByLabel('Agents that train models')).not.toBeChecked();
  await part.getByLabel('Say something of a single one').fill('CCBot');
  await part.getByLabel('What it gets').selectOption('serve');
  await part.getByRole('button', { name: 'Save who gets variants' }).click();
  await expect(page.locator('#agents').getByRole('link', { name: 'CCBot' })).toBeVisible();
  await look(page, 'site-settings-agents');
});
