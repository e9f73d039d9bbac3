// Indexes as `domain::edge::index` writes them, for the tests; index.cases.json holds both to the same bytes.

import { createHash } from 'node:crypto';
import { pureScope } from './scope.js';

const { xxh32 } = pureScope('xxh32');
const encoder = new TextEncoder();

/** Sorted hashes of these variants. */
function hashes({ html = [], markdown = [] }) {
  const texts = [...html.map((path) => `html${path}`), ...markdown.map((path) => `markdown${path}`)];
  return Uint32Array.from(new Set(texts.map((text) => xxh32(encoder.encode(text))))).sort();
}

const words = (...numbers) => Buffer.from(Uint32Array.from(numbers).buffer);
const bytesOf = (numbers) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);

/** A filter of these hashes: key and bytes. */
export function filterOf(sorted) {
  const bytes = Buffer.concat([Buffer.from('EDIF'), words(2, sorted.length, 0), bytesOf(sorted)]);
  return { key: `i/${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}`, bytes, sorted };
}

/** The filter of these variants. */
export const filterFor = (paths) => filterOf(hashes(paths));

/** The pointer for these variants, on a filter if there is one. */
export function pointerFor(paths, { revision = Date.now(), filter, open = false } = {}) {
  const wanted = open ? new Uint32Array(0) : hashes(paths);
  const base = new Set(filter?.sorted ?? []);
  const added = wanted.filter((hash) => !base.has(hash));
  const gone = Uint32Array.from([...base].filter((hash) => !wanted.includes(hash))).sort();
  const time = Buffer.alloc(16);
  time.writeDoubleLE(revision);
  const body = Buffer.concat([
    words(open ? 1 : 0, 0, paths.html?.length ?? 0, paths.markdown?.length ?? 0),
    words(added.length, gone.length, base.size),
    filter ? Buffer.from(filter.key.slice(2), 'hex') : Buffer.alloc(8),
    time,
    bytesOf(added),
    bytesOf(gone),
  ]);
  return Buffer.concat([Buffer.from('EDIX'), words(2, xxh32(body)), body]);
}
