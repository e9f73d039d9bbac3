// Compares paths.js with another's answers: JSON lines `[input, policy, page or null, key or null]` on stdin, as
// `crates/domain/tests/path_agreement.rs` writes them. Prints how many agree; ends with 1 and the first that does not.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { pureScope } from './scope.js';

const { pageOf, checkPaths, kvKey } = pureScope('pageOf', 'checkPaths', 'kvKey');
let agreed = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const [input, policy, page, key] = JSON.parse(line);
  const found = pageOf(input, checkPaths(policy)) ?? null;
  assert.equal(found, page, line);
  if (found !== null) assert.equal(await kvKey('markdown', found), key, line);
  agreed++;
}
console.log(agreed);
