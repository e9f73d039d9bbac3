// Signed previews, inside workerd.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { CHROME_ACCEPT, HOST, PREVIEW_KEY, SITE, SITE_KEY, UA, startEdge } from './edge.js';

const REVISION = 'ab'.repeat(32);
const ID = 'draft-draft-draft-draft-draft-draft-draft-0';
const DRAFT = '<!doctype html><p>Draft é</p>';
const paths = { trailingSlash: 'strip', queryParameters: ['q'] };
let edge;

before(async () => {
  edge = await startEdge({ settings: { hosts: [HOST, 'www.shop.example'], paths } });
  edge.kv.put(`p/${ID}`, DRAFT, { r: REVISION, t: 'text/html; charset=utf-8' });
  edge.kv.putVariant('html', '/tea', 'variant', 'cd'.repeat(32));
});
after(() => edge.stop());
beforeEach(() => (edge.kv.asked.length = 0));

/** A link as the server signs it; `over` changes what is signed, `sent` what is sent. */
function link(over = {}, sent = {}) {
  const it = {
    site: SITE,
    host: HOST,
    page: '/tea',
    format: 'html',
    revision: REVISION,
    expires: Math.floor(Date.now() / 1000) + 3600,
    id: ID,
    key: PREVIEW_KEY,
    ...over,
  };
  const text = ['preview', it.site, it.host, it.page, it.format, it.revision, it.expires, it.id].join('\n');
  const signature = createHmac('sha256', it.key).update(text).digest('hex');
  const told = { ...it, signature, ...sent };
  return `ed-preview=1.${told.format[0]}.${told.revision}.${told.expires}.${told.id}.${told.signature}`;
}

const person = (path, options = {}) => edge.ask(path, { ua: UA.chrome, accept: CHROME_ACCEPT, ...options });

const isOrigin = (answer, path) => {
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['x-origin'], 'yes');
  assert.equal(answer.headers['x-edge-delivery'], undefined);
  if (path) assert.equal(answer.body, `origin GET ${path} \n`);
};

test('a person with the link sees the draft, and nobody may keep it', async () => {
  const answer = await person(`/tea?${link()}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.body, DRAFT);
  assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.match(answer.headers['x-robots-tag'], /^noindex/);
  assert.equal(answer.headers['referrer-policy'], 'no-referrer');
  assert.equal(answer.headers['content-security-policy'], 'sandbox');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.equal(answer.headers['x-edge-delivery'], `preview; revision=${REVISION}`);
  assert.equal(answer.headers.etag, undefined);
  const head = await person(`/tea?${link()}`, { method: 'HEAD' });
  assert.equal(head.body, '');
  assert.equal(head.headers['content-length'], String(Buffer.byteLength(DRAFT)));
  assert.equal(head.headers['cache-control'], 'no-store');
});

test('other spellings of the page, and what others add to an address', async () => {
  for (const path of [`/tea/?${link()}`, `/t%65a?utm=1&${link()}`, `/tea?${link()}&utm=1`]) {
    assert.equal((await person(path)).body, DRAFT, path);
  }
  assert.equal((await person(`/s?q=tea&${link({ page: '/s?q=tea' })}`)).body, DRAFT);
  const www = link({ host: 'www.shop.example' });
  assert.equal((await person(`/tea?${www}`, { headers: { host: 'www.shop.example' } })).body, DRAFT);
});

test('Markdown is shown as text', async () => {
  const id = ID.replace(/0$/, '1');
  edge.kv.put(`p/${id}`, '# Draft', { r: REVISION, t: 'text/markdown; charset=utf-8' });
  const answer = await person(`/tea?${link({ format: 'markdown', id })}`);
  assert.equal(answer.body, '# Draft');
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
});

const soon = () => Math.floor(Date.now() / 1000);
for (const [what, over, sent, path = '/tea'] of [
  ['another site', { site: SITE.replace('1', '2') }],
  ['another host', { host: 'www.shop.example' }],
  ['another page', { page: '/coffee' }],
  ['another query', { page: '/s?q=coffee' }, {}, '/s?q=tea'],
  ['a query that was not signed', {}, {}, '/tea?q=1'],
  ['another format', {}, { format: 'markdown' }],
  ['another revision', {}, { revision: 'cd'.repeat(32) }],
  ['a revision that the draft is not', { revision: 'cd'.repeat(32) }],
  ['a format that the draft is not', { format: 'markdown' }],
  ['another end', {}, { expires: soon() + 100 }],
  ['an end that is over', { expires: soon() - 1 }],
  ['an end too far away', { expires: soon() + 4000 }],
  ['an end that is no number', {}, { expires: '1e9' }],
  ['another draft', {}, { id: ID.replace(/0$/, '2') }],
  ['a draft that is gone', { id: ID.replace(/0$/, '3') }],
  ['a draft of another length', { id: 'x' }],
  ['the site key', { key: SITE_KEY }],
  ['a signature of nothing', {}, { signature: '0'.repeat(64) }],
  ['a short signature', {}, { signature: 'ab' }],
  ['capital digits', {}, { signature: 'A'.repeat(64) }],
]) {
  test(`the origin's page for a link with ${what}`, async () => {
    const target = `${path}${path.includes('?') ? '&' : '?'}${link(over, sent)}`;
    isOrigin(await person(target), target);
  });
}

test('a wrong signature costs no read of KV', async () => {
  isOrigin(await person(`/tea?${link({}, { signature: '0'.repeat(64) })}`));
  isOrigin(await person('/tea?ed-preview='));
  isOrigin(await person('/tea?ed-preview=1.h'));
  isOrigin(await person(`/tea?xed-preview=${link().slice('ed-preview='.length)}`));
  isOrigin(await person(`/tea%3F${link()}`));
  assert.deepEqual(edge.kv.asked, []);
});

test('bots with the link see what is public', async () => {
  for (const ua of [UA.googlebot, UA.twitterbot, UA.gptbot]) {
    for (const accept of ['*/*', 'text/markdown']) isOrigin(await edge.ask(`/tea?${link()}`, { ua, accept }));
  }
  assert.deepEqual(edge.kv.asked, []);
});

test('only GET and HEAD', async () => {
  const answer = await person(`/tea?${link()}`, { method: 'POST', body: 'x' });
  isOrigin(answer);
  assert.equal(edge.origin.asked.at(-1).body, 'x');
});

test('KV fails, hangs or breaks midway: the origin', async () => {
  for (const mode of ['fail', 'cut', 'hang']) {
    edge.kv.mode = mode;
    isOrigin(await person(`/tea?${link()}`), undefined);
  }
  edge.kv.mode = 'ok';
  assert.equal((await person(`/tea?${link()}`)).body, DRAFT);
});

for (const [name, bindings] of [
  ['preview key', { PREVIEW_KEY: null }],
  ['KV', { VARIANTS: null }],
  ['configuration', { CONFIG: null }],
]) {
  test(`no ${name}: the origin`, async () => {
    const bare = await startEdge({ bindings });
    try {
      isOrigin(await bare.ask(`/tea?${link()}`, { ua: UA.chrome }));
    } finally {
      await bare.stop();
    }
  });
}
