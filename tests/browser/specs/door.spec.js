// What is refused at the door, and what works without a mouse.

import { request } from 'node:http';
import { expect, test } from '../support/test.js';

/** The status for a request that names this host. */
function statusFor(address, host) {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: '/sign-in', headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('another host is refused', async ({ demo }) => {
  expect(await statusFor(demo.console, new URL(demo.console).host)).toBe(200);
  for (const host of ['rebound.example', 'rebound.example:8080', '127.0.0.1.rebound.example']) {
    expect(await statusFor(demo.console, host), host).toBe(421);
  }
});

test('a page of another site cannot send forms', async ({ page, demo }) => {
  const answer = await page.request.post('/sign-in', {
    form: { email: demo.email, password: demo.password },
    headers: { origin: 'http://another.example', 'sec-fetch-site': 'cross-site' },
  });
  expect(answer.status()).toBe(403);
});

test('sign in and connect by keyboard alone', async ({ page, demo }) => {
  await page.goto('/');
  const focused = (name) => page.locator(':focus').and(name);
  const tabTo = async (target) => {
    for (let presses = 0; presses < 60; presses += 1) {
      if (await focused(target).count()) return;
      await page.keyboard.press('Tab');
    }
    throw new Error('it was not reached by Tab');
  };
  await tabTo(page.getByLabel('E-mail'));
  await page.keyboard.type(demo.email);
  await tabTo(page.getByLabel('Password', { exact: true }));
  await page.keyboard.type(demo.password);
  await page.keyboard.press('Enter');
  await expect(page).not.toHaveURL(/\/sign-in/);

  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await tabTo(page.getByRole('main').getByRole('link', { name: 'Connect Cloudflare' }).first());
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/connections\/new/);
  await tabTo(page.getByLabel('API token', { exact: true }));
  await page.keyboard.type(demo.tokens.good);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').first()).toContainText('Connected');
});
