// The page "Connect Cloudflare": the guide, the field, the live check, and every way in which a token is refused.

import { test } from '../support/shared.js';
import { expect, restOf, sound, tooWide } from '../support/test.js';

test.describe.configure({ mode: 'default' });

const field = (page) => page.getByLabel('API token', { exact: true });
const check = (page) => page.getByRole('button', { name: /^Check token/ });
const checklist = (page) => page.getByRole('list', { name: 'Checklist' });
const panel = (page) => page.getByRole('alert');

async function submit(page, token) {
  await field(page).fill(token);
  await check(page).click();
}

/** How many connections are stored. */
async function stored(page) {
  await page.goto('/connections');
  return page.getByRole('table').getByRole('row').count();
}

/** The token is in no address, no page and no attribute. */
async function nowhere(page, token) {
  expect(page.url()).not.toContain(token);
  expect(await page.content()).not.toContain(token);
}

/** Each call of Cloudflare's API takes this long. */
async function slow(demo, ms) {
  const answer = await fetch(`${demo.cloudflareControl}/latency`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ms }),
  });
  expect(answer.ok).toBe(true);
}

/** Cloudflare answers like this until `mend`. */
async function fault(demo, kind, more = {}) {
  const answer = await fetch(`${demo.cloudflareControl}/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ match: { method: 'GET', path: '/tokens/verify' }, kind, times: 20, ...more }),
  });
  expect(answer.ok, await answer.text()).toBe(true);
}
const mend = async (demo) => {
  await fetch(`${demo.cloudflareControl}/faults`, { method: 'DELETE' });
  await slow(demo, 0);
};

/** A token is connected once, so each test leaves none behind. */
let rest;
test.afterEach(async ({ demo }) => {
  await mend(demo);
  rest ??= await restOf(demo);
  const { items } = await rest('GET', '/connections');
  for (const { id } of items) await rest('DELETE', `/connections/${id}`);
});

test('a good token: the checklist fills in, and the connection is there', async ({ page, demo }) => {
  const token = demo.tokens.good;
  await page.goto('/connections/new');
  await expect(field(page)).toBeFocused();
  await expect(field(page)).toHaveAttribute('type', 'password');
  await expect(field(page)).toHaveAttribute('autocomplete', 'off');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(field(page)).toHaveAttribute('type', 'text');

  await slow(demo, 500);
  const seen = { counts: [], said: [] };
  await page.exposeFunction('told', (what, words) => seen[what].push(words));
  await page.evaluate(() => {
    const told = (what, selector, last = '') => () => {
      const words = document.querySelector(selector)?.textContent;
      if (words && words !== last) window.told(what, (last = words));
    };
    const all = { childList: true, subtree: true, characterData: true };
    new MutationObserver(told('counts', '#checking')).observe(document.getElementById('check'), all);
    new MutationObserver(told('said', '#said')).observe(document.getElementById('said'), all);
  });
  await submit(page, `"Bearer ${token}"`);
  await expect(page.getByRole('heading', { name: /^Checking, \d of 8/ })).toBeFocused();
  await expect(checklist(page).getByRole('listitem')).toHaveCount(11);
  await expect(page.locator('.held')).toContainText('Left out: quotes, the word Bearer');
  await page.setViewportSize({ width: 360, height: 780 });
  expect(await tooWide(page)).toEqual([]);
  expect(await sound(page)).toEqual([]);

  await expect(page).toHaveURL(/\/connections\/[0-9a-f-]+\?done=connected-cleaned$/);
  await expect(page.getByRole('status').first()).toContainText('Connected');
  await nowhere(page, token);
  const counts = seen.counts.map((words) => Number(/^Checking, (\d) of 8$/.exec(words)[1]));
  expect(counts.length, `${counts}`).toBeGreaterThan(3);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  // Not each line is read out: that it began, and how far the token reaches.
  expect(seen.said).toEqual(['Checking with Cloudflare.', 'Cloudflare knows the token. It reaches 1 account and 3 zones. Checking the five permissions.']);
});

for (const { key, title, cause, remedy, anchor, next } of [
  { key: 'missing', title: 'Insufficient permissions', cause: /five permissions are missing/, remedy: /compare every row/, anchor: 'insufficient-permissions', next: 'again' },
  { key: 'readOnly', title: 'Insufficient permissions', cause: /Read where Edit is needed/, remedy: /compare every row/, anchor: 'insufficient-permissions', next: 'again' },
  { key: 'expired', title: 'Token expired', cause: /TTL is over/, remedy: /Make a new token/, anchor: 'token-expired', next: 'paste' },
  { key: 'disabled', title: 'Token disabled', cause: /disabled it/, remedy: /Enable it/, anchor: 'token-disabled', next: 'again' },
  { key: 'globalApiKey', title: 'This is not an API token', cause: /several kinds of credentials/, remedy: /Make an API token/, anchor: 'not-a-token', next: 'paste' },
  { key: undefined, title: 'Invalid API token', cause: /copied only in part/, remedy: /Copy the token again/, anchor: 'invalid-api-token', next: 'paste' },
]) {
  test(`refused: ${title} (${key ?? 'unknown'})`, async ({ page, demo }) => {
    const token = demo.tokens[key] ?? 'nobody-made-this-one-000000000000000000';
    const before = await stored(page);
    await page.goto('/connections/new');
    await submit(page, token);
    await expect(panel(page)).toContainText(title);
    await expect(panel(page)).toContainText(cause);
    await expect(panel(page)).toContainText(remedy);

    // What was pasted is in the field alone, and the hand can go on at once.
    await expect(field(page)).toHaveValue(token);
    await expect(page.locator('#token-note')).toContainText('Still in the field');
    if (next === 'paste') await expect(field(page)).toBeFocused();
    else await expect(check(page)).toBeFocused();
    await expect(field(page)).toHaveAttribute('aria-invalid', String(next === 'paste'));
    await nowhere(page, token);
    expect(await sound(page)).toEqual([]);

    // The details can be copied, and say nothing secret.
    await panel(page).getByText('Details for support').click();
    const details = panel(page).locator('dl');
    await expect(details).toContainText(/time\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    await expect(details).toContainText(/version\s*edge-delivery \d/);
    if (key === 'missing') {
      const row = checklist(page).getByRole('listitem').filter({ hasText: 'Workers Routes' });
      await expect(row.getByRole('link', { name: /^Grant it/ })).toHaveAttribute('href', /dash\.cloudflare\.com\/profile\/api-tokens/);
      await expect(panel(page).getByRole('link', { name: 'Open the form, filled in' })).toHaveAttribute('href', /permissionGroupKeys=/);
      await expect(details).toContainText(/Workers Routes: Edit/);
      await expect(details).toContainText(/403/);
    }

    // The guide opens at the right place, on this page.
    await panel(page).getByRole('link', { name: 'In the guide' }).click();
    await expect(page.locator(`[id="${anchor}"]`)).toBeInViewport();
    await expect(field(page)).toHaveValue(token);
    expect(await stored(page)).toBe(before);
  });
}

for (const [name, kind, title, more] of [
  ['answers with a page', 'html', 'Cloudflare', {}],
  ['fails', 'before', 'Cloudflare', { status: 503 }],
  ['asks to wait', 'rate_limited', 'Too many', {}],
]) {
  test(`Cloudflare ${name}: the token stays in the field`, async ({ page, demo }) => {
    await fault(demo, kind, more);
    await page.goto('/connections/new');
    await submit(page, demo.tokens.good);
    await expect(panel(page)).toContainText(title, { timeout: 60_000 });
    await expect(field(page)).toHaveValue(demo.tokens.good);
    await expect(field(page)).toHaveAttribute('aria-invalid', 'false');
    await mend(demo);
    await check(page).click();
    await expect(page).toHaveURL(/done=connected$/);
  });
}

test('stopped: nothing is stored, and the token is still there', async ({ page, demo }) => {
  const before = await stored(page);
  await page.goto('/connections/new');
  await slow(demo, 400);
  await submit(page, demo.tokens.good);
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(field(page)).toHaveValue(demo.tokens.good);
  await expect(page.locator('#said')).toHaveText('Stopped.');
  await mend(demo);
  expect(await stored(page)).toBe(before);
});

test('an answer that is no check is shown, and the token stays', async ({ page, demo }) => {
  await page.goto('/connections/new');
  await page.route('**/connections', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Not allowed', detail: 'The request was refused.', remedies: ['Open the console itself.'] }) })
      : route.fallback(),
  );
  await submit(page, demo.tokens.good);
  await expect(panel(page)).toContainText('Not allowed');
  await expect(panel(page)).toContainText('Open the console itself.');
  await expect(field(page)).toHaveValue(demo.tokens.good);
  await page.unroute('**/connections');
  await page.route('**/connections', (route) => route.abort());
  await check(page).click();
  await expect(panel(page)).toContainText('The check broke off');
  await expect(field(page)).toHaveValue(demo.tokens.good);
});

test('replacing a token is checked live as well', async ({ page, demo }) => {
  rest ??= await restOf(demo);
  const { id } = await rest('POST', '/connections', { token: demo.tokens.good, name: 'Replaced here' });
  await page.goto(`/connections/${id}/token`);
  const replace = page.getByRole('button', { name: 'Check and replace' });
  await field(page).fill(demo.tokens.expired);
  await replace.click();
  await expect(panel(page)).toContainText('Token expired');
  await expect(field(page)).toHaveValue(demo.tokens.expired);
  await field(page).fill(demo.tokens.good);
  await replace.click();
  // It is the same token: the console says so.
  await expect(page).toHaveURL(/done=same_token$/);
  await expect(page.getByRole('status').first()).toContainText('stored already');
});

test('by keyboard alone: refused, corrected, connected', async ({ page, demo }) => {
  await page.goto('/connections/new');
  await page.keyboard.type(demo.tokens.expired);
  await page.keyboard.press('Enter');
  await expect(panel(page)).toContainText('Token expired');
  // The field has the focus with everything selected, so that pasting replaces it.
  await page.keyboard.type(demo.tokens.good);
  await expect(field(page)).toHaveValue(demo.tokens.good);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/done=connected$/);
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('refused, pasted again, connected', async ({ page, demo }) => {
    await page.goto('/connections/new');
    await expect(field(page)).toBeFocused();
    await expect(page.getByRole('button', { name: 'Show' })).toBeHidden();
    for (const [token, title] of [
      [demo.tokens.missing, 'Insufficient permissions'],
      [demo.tokens.expired, 'Token expired'],
      [demo.tokens.globalApiKey, 'This is not an API token'],
    ]) {
      await submit(page, token);
      await expect(panel(page)).toContainText(title);
      await expect(field(page)).toHaveValue('');
      await expect(page.locator('#token-note')).toContainText('paste it again');
      await nowhere(page, token);
    }
    await page.goto('/connections/new');
    await submit(page, demo.tokens.missing);
    await expect(checklist(page).getByRole('listitem').filter({ hasText: 'Workers Routes' })).toContainText('no');
    await submit(page, ` ${demo.tokens.good} `);
    await expect(page.getByRole('status').first()).toContainText('left out');
  });
});

test('the guide keeps what it promises, before anything is connected', async ({ page }) => {
  await page.goto('/connect/guide');
  const main = page.getByRole('main');
  await expect(main.locator('ol.guide > li')).toHaveCount(8);
  for (const words of ['Workers Scripts', 'Workers KV Storage', 'Account Settings', 'Workers Routes']) {
    await expect(main.getByRole('table', { name: 'The five permissions' }).getByRole('row').filter({ hasText: words })).toHaveCount(1);
  }
  await expect(main.getByRole('img', { name: /^Drawing of Cloudflare’s form/ })).toBeVisible();
  await expect(main.getByRole('checkbox')).toHaveCount(8);
  const form = new URL(await main.getByRole('link', { name: 'Open the form, filled in' }).getAttribute('href'));
  expect(form.origin + form.pathname).toBe('https://dash.cloudflare.com/profile/api-tokens');
  expect(JSON.parse(form.searchParams.get('permissionGroupKeys'))).toHaveLength(5);
  const owned = new URL(await main.getByRole('link', { name: 'For a token that the account owns' }).getAttribute('href'));
  expect(owned.searchParams.get('to')).toBe('/:account/api-tokens');
  for (const id of ['invalid-api-token', 'insufficient-permissions', 'token-expired']) {
    await page.goto(`/connect/guide#${id}`);
    await expect(page.locator(`[id="${id}"]`)).toBeInViewport();
  }
});
