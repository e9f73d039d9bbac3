// `test` with one demo for a whole file, for tests that do not disturb each other; each page is signed in already.

import { expect, request, test as base } from '@playwright/test';
import { startDemo } from './demo.js';

export const test = base.extend({
  demo: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const demo = await startDemo();
      await use(demo);
      const code = await demo.stop();
      expect(code, demo.log()).toBe(0);
    },
    { scope: 'worker' },
  ],
  session: [
    async ({ demo }, use) => {
      const door = await request.newContext({ baseURL: demo.console });
      const answer = await door.post('/sign-in', {
        form: { email: demo.email, password: demo.password },
        headers: { origin: demo.console },
        maxRedirects: 0,
      });
      expect(answer.status()).toBe(303);
      await use(await door.storageState());
      await door.dispose();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ demo }, use) => use(demo.console),
  storageState: async ({ session }, use) => use(session),
});
