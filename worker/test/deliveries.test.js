// Visits on their way to a console that is not always there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEdge, until } from './edge.js';
import { assembledScript, pureScope } from './scope.js';

/** The script, with other limits. */
function scriptWith(limits) {
  let script = assembledScript();
  for (const [name, value] of Object.entries(limits)) {
    const before = script;
    script = script.replace(new RegExp(`const ${name} = [^;]+;`), `const ${name} = ${value};`);
    assert.notEqual(script, before, name);
  }
  return script;
}

const QUICK = { VISITS_DELAY_MS: 100, VISITS_BACKOFF_MS: '[0, 60, 120]' };

/** An edge that counts as a console does: each batch once. */
async function withConsole(limits, story) {
  const script = scriptWith({ ...QUICK, ...limits });
  const edge = await startEdge({ script, settings: { ingest: 'http://ingest.example/ingest/v1/visits' } });
  const { origin } = edge;
  const console = {
    asked: 0,
    visit: async (path) => {
      await edge.agent(path);
      console.asked++;
    },
    ids: () => origin.deliveries.map(({ headers }) => headers['idempotency-key']),
    /** Visits of the batches that were taken, and those that they told as dropped. */
    taken: () => {
      const batches = new Map();
      for (const { status, hangs, headers, body } of origin.deliveries) {
        if (status === 204 && !hangs) batches.set(headers['idempotency-key'], { headers, body });
      }
      const all = [...batches.values()];
      return {
        paths: all.flatMap(({ body }) => JSON.parse(body).map(({ path }) => path)),
        dropped: all.reduce((sum, { headers }) => sum + Number(headers['x-edge-delivery-dropped']), 0),
      };
    },
    /** Each visit is counted, or told as dropped; none twice. */
    isComplete: () => {
      const { paths, dropped } = console.taken();
      return paths.length + dropped === console.asked;
    },
    /** Comes now and then until that is so: a batch that a delivery left needs another one. */
    complete: async () => {
      let visitedAt = -Infinity;
      await until(async () => {
        if (!console.isComplete() && performance.now() - visitedAt > 400) {
          await console.visit('/more');
          visitedAt = performance.now();
        }
        return console.isComplete();
      });
    },
  };
  try {
    await story(edge, console);
    assert.equal(edge.stderr(), '');
  } finally {
    await edge.stop();
  }
}

const down = (count) => Array.from({ length: count }, () => ({ status: 503 }));

test('a batch that is refused twice is taken without another visit, and counts once', () =>
  withConsole({}, async ({ origin }, console) => {
    origin.deliveryAnswers = [{ status: 503 }, { status: 500 }];
    await console.visit('/one');
    await until(() => console.isComplete());
    assert.equal(new Set(console.ids()).size, 1);
    assert.deepEqual(origin.deliveries.map(({ status }) => status), [503, 500, 204]);
    assert.deepEqual(console.taken(), { paths: ['/one'], dropped: 0 });
    const gap = (n) => origin.deliveries[n].at - origin.deliveries[n - 1].at;
    assert.ok(gap(1) >= 55 && gap(2) >= 115, `${gap(1)} ms, ${gap(2)} ms`);
    // And it is done with.
    await console.visit('/two');
    await until(() => console.isComplete());
    assert.equal(origin.deliveries.length, 4);
  }));

test('visits that come while a batch is tried again go out without another one', () =>
  withConsole({ VISITS_BACKOFF_MS: '[0, 400, 60]' }, async ({ origin, agent }, console) => {
    origin.deliveryAnswers = down(2);
    await console.visit('/one');
    await until(() => origin.deliveries.length === 1);
    const answer = await agent('/two');
    console.asked++;
    assert.ok(answer.ms < 100, `${answer.ms} ms`);
    await until(() => console.isComplete());
    assert.deepEqual(console.taken(), { paths: ['/one', '/two'], dropped: 0 });
    assert.equal(origin.deliveries.length, 4, 'one delivery at a time');
  }));

test('visits that come while a batch is under way, and late in a delivery, go out without another one', () =>
  withConsole({ VISITS_GATHERING_MS: 150 }, async ({ origin }, console) => {
    for (let n = 0; n < 12; n++) {
      const before = origin.deliveries.length;
      await console.visit(`/page-${n}`);
      // Now and then in the middle of a delivery, or after its end.
      if (n % 3 > 0) await until(() => origin.deliveries.length > before);
    }
    await until(() => console.isComplete());
    assert.equal(console.taken().dropped, 0);
    assert.equal(new Set(console.ids()).size, console.ids().length);
  }));

test('a console that does not answer is asked again', () =>
  withConsole({ VISITS_TRY_MS: 200 }, async ({ origin }, console) => {
    origin.deliveryAnswers = [{ hangs: true }];
    await console.visit('/one');
    await until(() => console.isComplete());
    assert.equal(origin.deliveries.length, 2);
    assert.equal(new Set(console.ids()).size, 1);
  }));

test('a console that is down for longer than a delivery: the next visit’s brings what was kept', () =>
  withConsole({}, async ({ origin }, console) => {
    origin.deliveryStatus = 503;
    await console.visit('/one');
    await until(() => origin.deliveries.length === 3);
    origin.deliveryStatus = 204;
    const [id] = console.ids();
    await console.visit('/two');
    await until(() => console.isComplete());
    assert.deepEqual(console.taken(), { paths: ['/one', '/two'], dropped: 0 });
    assert.equal(console.ids().filter((one) => one === id).length, 4);
  }));

test('what is given up is told as dropped with the next batch', () =>
  withConsole({}, async ({ origin }, console) => {
    origin.deliveryStatus = 503;
    await console.visit('/one');
    await until(() => origin.deliveries.length === 3);
    const [id] = console.ids();
    const tries = () => console.ids().filter((one) => one === id).length;
    await until(async () => {
      await console.visit('/more');
      return tries() === 6;
    });
    origin.deliveryStatus = 204;
    await console.complete();
    assert.equal(tries(), 6);
    const { paths, dropped } = console.taken();
    assert.ok(!paths.includes('/one') && dropped > 0, `${dropped} dropped`);
  }));

test('Retry-After is kept to', () =>
  withConsole({}, async ({ origin }, console) => {
    origin.deliveryAnswers = [{ status: 429, headers: { 'retry-after': '1' } }];
    await console.visit('/one');
    await until(() => console.isComplete());
    const [first, second] = origin.deliveries;
    assert.equal(origin.deliveries.length, 2);
    assert.equal(new Set(console.ids()).size, 1);
    assert.ok(second.at - first.at >= 990, `${second.at - first.at} ms`);
  }));

test('Retry-After beyond the end of a delivery is kept to by the next ones', () =>
  withConsole({ VISITS_LAST_TRY_MS: 300 }, async ({ origin }, console) => {
    origin.deliveryAnswers = [{ status: 429, headers: { 'retry-after': '1' } }];
    await console.visit('/one');
    await console.complete();
    const [first, second] = origin.deliveries;
    assert.equal(second.headers['idempotency-key'], first.headers['idempotency-key']);
    assert.ok(second.at - first.at >= 990, `${second.at - first.at} ms`);
    assert.equal(console.taken().dropped, 0);
  }));

test('a delivery that is believed dead is gone on with by another, and its batch counts once', () =>
  withConsole({ VISITS_SLACK_MS: -600000, VISITS_TRY_MS: 2000 }, async ({ origin }, console) => {
    origin.deliveryAnswers = [{ hangs: true }];
    await console.visit('/one');
    await until(() => origin.deliveries.length === 1);
    await console.visit('/two');
    await until(() => console.isComplete());
    const [first, second] = console.ids();
    assert.equal(first, second);
    assert.ok(origin.deliveries[1].at - origin.deliveries[0].at < 2000, 'before the first one gave up');
    assert.deepEqual(console.taken(), { paths: ['/one', '/two'], dropped: 0 });
  }));

test('full batches that fail together are all tried again', () =>
  withConsole({ VISITS_DELAY_MS: 300 }, async ({ origin, agent }, console) => {
    origin.deliveryAnswers = down(4);
    for (let from = 0; from < 900; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => agent(`/page-${from + n}`)));
      console.asked += 100;
    }
    await until(() => console.isComplete());
    const { paths, dropped } = console.taken();
    assert.equal(new Set(paths).size, 900);
    assert.equal(dropped, 0);
  }));

test('more visits than are kept while the console is down: all are counted, or told as dropped', () =>
  withConsole({ VISITS_BACKOFF_MS: '[0, 2000, 60]' }, async ({ origin, agent }, console) => {
    origin.deliveryStatus = 503;
    for (let from = 0; from < 2500; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => agent(`/page-${from + n}`)));
      console.asked += 100;
    }
    origin.deliveryStatus = 204;
    await console.complete();
    const { paths, dropped } = console.taken();
    const pages = paths.filter((path) => path.startsWith('/page-'));
    assert.equal(new Set(pages).size, pages.length);
    assert.ok(dropped >= 500 && pages.length >= 1000, `${dropped} dropped, ${pages.length} counted`);
  }));

test('a delivery is over well before Cloudflare ends it, and the console can read how many were lost', () => {
  const scope = pureScope('VISITS_LAST_TRY_MS', 'VISITS_TRY_MS', 'dropVisits', 'takeBatch');
  assert.ok(scope.VISITS_LAST_TRY_MS + scope.VISITS_TRY_MS <= 25_000);
  scope.dropVisits(2_147_483_000);
  scope.dropVisits(1_000);
  assert.equal(scope.takeBatch().dropped, 2_147_483_647);
  assert.equal(scope.takeBatch().dropped, 0);
});
