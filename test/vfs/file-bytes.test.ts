/** Copies of a file's content share memory and nothing else. */

import { expect, it } from "vitest";
import { CHUNK_BYTES, FileBytes, frozenCopy } from "../../src/vfs/file-bytes.js";
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
      const whole = prng.chance(0.5);
      const data = new Uint8Array(whole ? 2 * CHUNK_BYTES : 1 + prng.below(2 * CHUNK_BYTES));
      if (prng.chance(0.7)) prng.fill(data, prng.below(data.length), data.length);
      const position = whole ? prng.below(3) * CHUNK_BYTES : prng.below(3 * CHUNK_BYTES);
      if (prng.chance(0.5)) pair.bytes.adopt(frozenCopy(data), position);
      else pair.bytes.write(data, 0, data.length, position);
      const size = Math.max(pair.model.length, position + data.length);
      pair.model = changed(pair.model, size, data, position);
    }
    for (const { bytes, model } of pairs) expect(Buffer.compare(read(bytes), model), `seed ${seed}`).toBe(0);
  }
  expect(pairs.length).toBe(6);
});

it("has one digest for equal contents, however they came to be, and another for each other", () => {
  const written = new FileBytes();
  const data = new Uint8Array(3 * CHUNK_BYTES).fill(7, CHUNK_BYTES, CHUNK_BYTES + 10);
  written.write(data, 0, data.length, 0);
  const adopted = new FileBytes();
  adopted.truncate(data.length);
  adopted.adopt(frozenCopy(data), 0);
  expect(adopted.digest()).toBe(written.digest());
  const copy = written.clone();
  copy.write(Uint8Array.of(1), 0, 1, 5);
  expect(copy.digest()).not.toBe(written.digest());
  copy.write(Uint8Array.of(0), 0, 1, 5);
  expect(copy.digest()).toBe(written.digest());
  copy.truncate(data.length + 1);
  expect(copy.digest()).not.toBe(written.digest());
});
