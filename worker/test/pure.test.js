// The deciding functions, by the tables that Rust runs too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pureScope } from './scope.js';

const table = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

test('user agents', () => {
  const { visitorOf } = pureScope('visitorOf');
  for (const { ua, agent, excluded = false } of table('agents.cases.json')) {
    for (const time of ['first', 'again']) {
      const visitor = visitorOf(ua);
      const found = [visitor.kind === 'agent' ? visitor.token : null, visitor.kind === 'excluded'];
      assert.deepEqual(found, [agent, excluded], `${time}: ${ua}`);
    }
  }
  assert.equal(visitorOf(null).kind, 'other');
  assert.equal(visitorOf(`${'x'.repeat(1024)} GPTBot/1.0`).kind, 'other');
});

test('paths and keys', async () => {
  const { pageOf, checkPaths, kvKey } = pureScope('pageOf', 'checkPaths', 'kvKey');
  const cases = table('paths.cases.json');
  assert.ok(cases.length >= 200, `${cases.length} cases`);
  for (const { input, repeat, policy, path, key } of cases) {
    const whole = repeat ? input + repeat[0].repeat(repeat[1]) : input;
    const page = pageOf(whole, checkPaths(policy));
    if (path !== '(long)') assert.equal(page ?? null, path, whole);
    if (key) assert.equal(await kvKey('html', page), key, whole);
    if (page !== undefined) assert.equal(pageOf(page, checkPaths(policy)), page);
  }
});

test('a policy that cannot be used is the default', () => {
  const { checkPaths } = pureScope('checkPaths');
  const usual = { trailingSlash: 'keep', queryParameters: [] };
  for (const raw of [undefined, null, 1, 'strip', [], {}, { trailingSlash: 'x' }, { queryParameters: 'q' }, { queryParameters: [1] }]) {
    assert.deepEqual(checkPaths(raw), usual, JSON.stringify(raw));
  }
  const given = { trailingSlash: 'add', queryParameters: ['q'] };
  assert.deepEqual(checkPaths(given), given);
});

test('parts of a URL', () => {
  const { rawPathOf, originOf, targetOf } = pureScope('rawPathOf', 'originOf', 'targetOf');
  for (const [url, path, target] of [
    ['http://shop.example', '/', '/'],
    ['http://shop.example/', '/', '/'],
    ['http://shop.example?a=/b', '/', '?a=/b'],
    ['https://shop.example:8443/a%2Fb?c=d', '/a%2Fb', '/a%2Fb?c=d'],
  ]) {
    assert.equal(rawPathOf(url), path);
    assert.equal(targetOf(url), target);
    assert.equal(originOf(url), new URL(url).origin);
  }
});

test('Accept', () => {
  const { prefersMarkdown } = pureScope('prefersMarkdown');
  for (const [accept, expected] of [
    [null, false],
    ['', false],
    ['*/*', false],
    ['text/*', false],
    ['text/html', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
    ['text/markdown', true],
    ['TEXT/Markdown', true],
    ['text/markdown, */*', true],
    ['text/markdown, text/html, */*', true],
    ['text/html, text/markdown', false],
    ['text/html, text/markdown, */*', false],
    ['text/markdown;q=0.9, text/html', false],
    ['text/markdown;q=0.9, text/html;q=0.8', true],
    ['text/markdown;q=1.0, text/html;q=0.7, */*;q=0.1', true],
    ['text/html;q=0.7, text/markdown', true],
    ['text/markdown;q=0', false],
    ['text/markdown;q=0, */*', false],
    ['text/markdown;q=0.5, */*;q=0.8', false],
    ['text/markdown;q=0.5, text/*;q=0.4', true],
    ['text/markdown;q=0.5, text/html;q=0, */*;q=0.8', true],
    ['text/markdown;q=0.8, application/xhtml+xml', false],
    ['text/markdown;q=abc', false],
    ['text/markdown;q=2', false],
    ['text/markdown;q=0.12345', false],
    ['text/markdown ; q=0.9 , text/html ; q=0.8', true],
    ['text/markdown;charset=utf-8', true],
    ['text/markdown;variant=CommonMark;q=0.3,text/html;q=0.2', true],
    ['text/markdownish', false],
    ['x-text/markdown', false],
    ['text/plain, text/markdown', true],
    [`text/markdown, ${'a/b, '.repeat(1000)}`, false],
    [',,,;;;q=,text/markdown', true],
  ]) {
    assert.equal(prefersMarkdown(accept), expected, String(accept));
  }
});

test('If-None-Match', () => {
  const { noneMatchNames } = pureScope('noneMatchNames');
  const revision = 'a'.repeat(64);
  for (const [header, expected] of [
    [null, false],
    ['*', true],
    [' * ', true],
    [`"${revision}"`, true],
    [`W/"${revision}"`, true],
    [`"x", W/"y","${revision}"`, true],
    [revision, false],
    [`"${'b'.repeat(64)}"`, false],
    ['"', false],
    ['', false],
  ]) {
    assert.equal(noneMatchNames(header, revision), expected, String(header));
  }
});

test('what a visitor gets', () => {
  const { wishOf } = pureScope('wishOf');
  const config = { purposes: ['search', 'user'], dual: ['applebot'] };
  const agent = (purpose) => ({ kind: 'agent', token: 'X', purpose });
  const bot = (token, dual) => ({ kind: 'excluded', token, dual });
  assert.deepEqual(wishOf(agent('search'), false, config), { agent: 'X', formats: ['html'] });
  assert.deepEqual(wishOf(agent('search'), true, config), { agent: 'X', formats: ['markdown', 'html'] });
  assert.deepEqual(wishOf(agent('training'), true, config), { agent: 'X', formats: [] });
  assert.deepEqual(wishOf({ kind: 'other' }, true, config), { agent: 'unknown', formats: ['markdown'] });
  assert.equal(wishOf({ kind: 'other' }, false, config), undefined);
  assert.equal(wishOf(bot('googlebot', false), true, config), undefined);
  assert.equal(wishOf(bot('Amazonbot', true), true, config), undefined);
  assert.deepEqual(wishOf(bot('Applebot', true), false, config), { agent: 'Applebot', formats: ['html'] });
});

test('the index', () => {
  const { parseIndex, INDEX_MAX } = pureScope('parseIndex', 'INDEX_MAX');
  const index = parseIndex('{"v":1,"html":["/","/a"],"markdown":["/b"]}');
  assert.deepEqual([...index.html, ...index.markdown], ['/', '/a', '/b']);
  for (const text of ['null', '[]', '1', '{}', '{"v":2,"html":[],"markdown":[]}', '{"v":1,"html":"x","markdown":[]}']) {
    assert.equal(parseIndex(text), undefined, text);
  }
  const large = JSON.stringify({ v: 1, html: ['/'.padEnd(INDEX_MAX, 'a')], markdown: [] });
  assert.equal(parseIndex(large), undefined);
});

test('a crawler that feeds search and models keeps its name', () => {
  const { visitorOf } = pureScope('visitorOf');
  assert.deepEqual(visitorOf('Applebot/0.1'), { kind: 'excluded', token: 'Applebot', dual: true });
  assert.deepEqual(visitorOf('GoogleOther-Image/1.0'), { kind: 'excluded', token: 'GoogleOther', dual: true });
  assert.deepEqual(visitorOf('Googlebot-Image/1.0'), { kind: 'excluded', token: 'googlebot', dual: false });
});
