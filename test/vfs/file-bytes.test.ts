/** Copies of a file's content share memory and nothing else. */

import { expect, it } from "vitest";
import { CHUNK_BYTES, FileBytes } from "../../src/vfs/file-bytes.js";
import { Prng } from "../../src/vfs/prng.js";

function read(bytes: FileBytes): Uint8Array {
  const target = new Uint8Array(bytes.size);
  bytes.read(target, 0, target.length, 0);
  return target;
}

function changed(old: Uint8Array, size: number, data: Uint8Array, position: number): Uint8Array {
  const next = new Uint8Array(size);
  next.set(old.subarray(0, size));
  next.set(data, position);
  return next;
}

it("random writes, truncations and copies of copies agree with plain arrays", () => {
  const seed = 977;
  const prng = new Prng(seed);
  const pairs = [{ bytes: new FileBytes(), model: new Uint8Array(0) as Uint8Array }];
  for (let step = 0; step < 600; step++) {
    const pair = prng.pick(pairs);
    const roll = prng.below(10);
    if (roll === 0) {
      const size = prng.below(4 * CHUNK_BYTES);
      pair.bytes.truncate(size);
      pair.model = changed(pair.model, size, new Uint8Array(0), 0);
    } else if (roll < 3 && pairs.length < 6) {
      pairs.push({ bytes: pair.bytes.clone(), model: pair.model.slice() });
    } else if (roll === 3) {
      const other = prng.pick(pairs);
      pair.bytes.become(other.bytes);
      pair.model = other.model.slice();
    } else {
      const data = new Uint8Array(1 + prng.below(2 * CHUNK_BYTES));
      prng.fill(data, 0, data.length);
      const position = prng.below(3 * CHUNK_BYTES);
      pair.bytes.write(data, 0, data.length, position);
      const size = Math.max(pair.model.length, position + data.length);
      pair.model = changed(pair.model, size, data, position);
    }
    for (const { bytes, model } of pairs) expect(Buffer.compare(read(bytes), model), `seed ${seed}`).toBe(0);
  }
  expect(pairs.length).toBe(6);
});
