// xxHash32 with seed 0 (XXH32 of the xxHash specification), as `xxhash_rust::xxh32` makes it; both run
// test/index.cases.json.

const XXH_1 = 0x9e3779b1 | 0;
const XXH_2 = 0x85ebca77 | 0;
const XXH_3 = 0xc2b2ae3d | 0;
const XXH_4 = 0x27d4eb2f | 0;
const XXH_5 = 0x165667b1 | 0;

/** @param {number} value @param {number} by */
function rotated(value, by) {
  return (value << by) | (value >>> (32 - by));
}

/** @param {Uint8Array} bytes @returns {number} 0 to 2³²−1 */
function xxh32(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash = XXH_5;
  if (length >= 16) {
    const lanes = [(XXH_1 + XXH_2) | 0, XXH_2, 0, -XXH_1 | 0];
    for (; at + 16 <= length; at += 16) {
      for (let lane = 0; lane < 4; lane++) {
        const mixed = (lanes[lane] + Math.imul(view.getUint32(at + 4 * lane, true), XXH_2)) | 0;
        lanes[lane] = Math.imul(rotated(mixed, 13), XXH_1);
      }
    }
    hash = (rotated(lanes[0], 1) + rotated(lanes[1], 7) + rotated(lanes[2], 12) + rotated(lanes[3], 18)) | 0;
  }
  hash = (hash + length) | 0;
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(rotated((hash + Math.imul(view.getUint32(at, true), XXH_3)) | 0, 17), XXH_4);
  }
  for (; at < length; at++) {
    hash = Math.imul(rotated((hash + Math.imul(bytes[at], XXH_5)) | 0, 11), XXH_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), XXH_2);
  hash = Math.imul(hash ^ (hash >>> 13), XXH_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
