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
  const { rawPathOf, originOf, hostOf, targetOf } = pureScope('rawPathOf', 'originOf', 'hostOf', 'targetOf');
  for (const [url, path, target] of [
    ['http://shop.example', '/', '/'],
    ['http://shop.example/', '/', '/'],
    ['http://shop.example?a=/b', '/', '?a=/b'],
    ['https://shop.example:8443/a%2Fb?c=d', '/a%2Fb', '/a%2Fb?c=d'],
  ]) {
    assert.equal(rawPathOf(url), path);
    assert.equal(targetOf(url), target);
    assert.equal(originOf(url), new URL(url).origin);
    assert.equal(hostOf(url), new URL(url).hostname);
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
  const { wishOf, visitorOf } = pureScope('wishOf', 'visitorOf');
  const config = {
    purposes: new Set(['search', 'user']),
    serve: new Set(['applebot', 'ccbot']),
    origin: new Set(['chatgpt-user']),
  };
  const gets = (ua, markdown = false) => wishOf(visitorOf(ua), markdown, config);
  assert.deepEqual(gets('PerplexityBot/1.0'), { agent: 'PerplexityBot', formats: ['html'] });
  assert.deepEqual(gets('PerplexityBot/1.0', true), { agent: 'PerplexityBot', formats: ['markdown', 'html'] });
  assert.deepEqual(gets('GPTBot/1.3', true), { agent: 'GPTBot', formats: [] });
  assert.deepEqual(gets('CCBot/2.0'), { agent: 'CCBot', formats: ['html'] });
  assert.deepEqual(gets('ChatGPT-User/1.0'), { agent: 'ChatGPT-User', formats: [] });
  assert.deepEqual(gets('Applebot/0.1'), { agent: 'Applebot', formats: ['html'] });
  assert.equal(gets('Amazonbot/0.1', true), undefined);
  assert.equal(gets('Googlebot/2.1', true), undefined);
  assert.equal(gets('curl/8'), undefined);
  assert.deepEqual(gets('curl/8', true), { agent: 'unknown', formats: ['markdown'] });
});

test('a configuration that is not as we write it', () => {
  const { checkConfig } = pureScope('checkConfig');
  const good = { v: 1, site: 's', hosts: [] };
  assert.equal(checkConfig({ ...good, v: 2 }), undefined);
  assert.equal(checkConfig(null), undefined);
  for (const agents of [undefined, null, 1, {}, { purposes: 'x', serve: {}, origin: [1] }]) {
    const { purposes, serve, origin } = checkConfig({ ...good, agents });
    assert.deepEqual([...purposes, ...serve, ...origin], ['training', 'search', 'user']);
  }
});

test('an excluded bot keeps its name, and gives it to its family', () => {
  const { visitorOf } = pureScope('visitorOf');
  for (const [ua, token] of [
    ['Applebot/0.1', 'Applebot'],
    ['GoogleOther-Image/1.0', 'GoogleOther'],
    ['GOOGLEBOT-image/1.0', 'Googlebot'],
  ]) {
    assert.deepEqual(visitorOf(ua), { kind: 'excluded', token, key: token.toLowerCase() });
  }
});

test('people, search engines and link previews are no agents', () => {
  const { visitorOf } = pureScope('visitorOf');
  const lines = (name) => readFileSync(new URL(`../../crates/domain/src/agents/${name}`, import.meta.url), 'utf8').trim().split('\n');
  const people = lines('people.txt');
  const bots = lines('bots.txt');
  assert.ok(people.length >= 150 && bots.length >= 40);
  assert.deepEqual(people.filter((ua) => visitorOf(ua).kind !== 'other'), []);
  assert.deepEqual(bots.filter((ua) => visitorOf(ua).kind !== 'excluded'), []);
});

test('bots that are in no list', () => {
  const { visitorOf } = pureScope('visitorOf');
  const cases = table('unknown.cases.json');
  assert.ok(cases.length >= 60);
  for (const { ua, unknown } of cases) {
    assert.deepEqual(visitorOf(ua), { kind: 'other', isBot: unknown }, ua);
  }
  const lines = (name) => readFileSync(new URL(`../../crates/domain/src/agents/${name}`, import.meta.url), 'utf8').trim().split('\n');
  const people = lines('people.txt');
  assert.ok(people.length >= 240);
  assert.deepEqual(people.filter((ua) => visitorOf(ua).isBot !== false), []);
  assert.deepEqual(lines('bots.txt').filter((ua) => visitorOf(ua).kind !== 'excluded'), []);
  assert.equal(visitorOf(`${'x'.repeat(1024)} FooBot/1.0`).isBot, false);
  assert.equal(visitorOf(null).isBot, false);
});

test('agents by the user agents in their documentation', () => {
  const { visitorOf } = pureScope('visitorOf');
  const rows = table('agents.documented.json');
  const missed = rows.filter(({ ua, agent }) => visitorOf(ua).token !== agent).map(({ agent }) => agent);
  // Two words cannot be told by one.
  assert.deepEqual(missed, ['Kangaroo Bot']);
  assert.ok(missed.length <= rows.length * 0.05);
});
