/** Copies of bytes: right at every size, and none can be reached or lost through another. */

import { MessageChannel } from "node:worker_threads";
import { expect, it } from "vitest";
import { copyOf } from "../../src/base/copies.js";

const source = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7 + (i >>> 8)) & 0xff);

it("copies any stretch, and leaves earlier copies alone", () => {
  const copies: [Uint8Array, number][] = [];
  for (let i = 0; i < 2000; i++) {
    const from = (i * 37) % 60_000;
    const length = i % 5 === 0 ? (i * 131) % 5000 : (i * 13) % 300;
    copies.push([copyOf(source, from, from + length), from]);
  }
  for (const [copy, from] of copies)
    expect(Buffer.compare(copy, source.subarray(from, from + copy.length))).toBe(0);
});

it("gives copies that do not share a byte", () => {
  const first = copyOf(source, 0, 100);
  const second = copyOf(source, 0, 100);
  first.fill(0);
  expect(second).toEqual(source.slice(0, 100));
  second.fill(1);
  expect(first).toEqual(new Uint8Array(100));
});

it("cannot be transferred to another thread together with other copies", () => {
  const copy = copyOf(source, 0, 100);
  const other = copyOf(source, 100, 200);
  expect(other.buffer).toBe(copy.buffer);
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(copy, [copy.buffer as ArrayBuffer]);
  } catch {
    // Later versions of Node refuse; earlier ones leave it out of the transfer.
  } finally {
    port1.close();
    port2.close();
  }
  expect(copy.length).toBe(100);
  expect(other).toEqual(source.slice(100, 200));
});
