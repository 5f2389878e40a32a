/** Streams: repeatable, in the order they name, and with the content that playing them by hand leaves. */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ORDERS, SHAPES, WORKLOADS } from "../../../matrix/results/document.js";
import { ContentHasher, expectationOf, expectedHits } from "../../../matrix/streams/content.js";
import { makeKeys, valueBytes, valuePool } from "../../../matrix/streams/shapes.js";
import {
  makeStream,
  OP_DELETE,
  OP_GET,
  OP_PUT,
  type Stream,
  type StreamSpec,
} from "../../../matrix/streams/stream.js";
import { ensureStreamFile, readStreamFile } from "../../../matrix/streams/stream-file.js";

const spec = (change: Partial<StreamSpec>): StreamSpec => ({
  workload: "inserts",
  shape: "u64",
  order: "random",
  records: 500,
  operations: 500,
  seed: 42,
  ...change,
});

describe("keys", () => {
  for (const shape of SHAPES) {
    it(`of shape ${shape} ascend as bytes and repeat`, () => {
      const keys = makeKeys(shape, 2000, 1);
      for (let rank = 1; rank < keys.count; rank++) {
        expect(Buffer.compare(keys.bytesOf(rank - 1), keys.bytesOf(rank))).toBe(-1);
      }
      expect(makeKeys(shape, 2000, 1).bytesOf(777)).toEqual(keys.bytesOf(777));
      const form = shape === "text" ? "text" : "number";
      expect(keys.inForm(form)).toHaveLength(2000);
    });
  }

  it("of shape text have 20 to 100 characters and shared prefixes", () => {
    const texts = makeKeys("text", 1000, 1).inForm("text") as string[];
    expect(Math.min(...texts.map(({ length }) => length))).toBeGreaterThanOrEqual(20);
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(new Set(texts.map((text) => text.split("/")[0])).size).toBeLessThan(10);
  });
});

describe("orders", () => {
  const keysOf = (order: StreamSpec["order"]): number[] => [...makeStream(spec({ order })).keys];

  it("sequential ascends, descending descends, random does neither and has every key once", () => {
    const ascending = Array.from({ length: 500 }, (_, i) => i);
    expect(keysOf("sequential")).toEqual(ascending);
    expect(keysOf("descending")).toEqual([...ascending].reverse());
    expect(keysOf("random")).not.toEqual(ascending);
    expect(keysOf("random").sort((a, b) => a - b)).toEqual(ascending);
  });

  it("zipfian comes back to few keys", () => {
    expect(new Set(keysOf("zipfian")).size).toBeLessThan(350);
  });
});

/** Plays a stream on a Map, the slow and obvious way. */
function play(stream: Stream): Map<number, number> {
  const content = new Map<number, number>();
  stream.preload.forEach((rank, i) => {
    content.set(rank, stream.preloadValues[i] as number);
  });
  stream.kinds.forEach((kind, i) => {
    const rank = stream.keys[i] as number;
    if (kind === OP_PUT) content.set(rank, stream.values[i] as number);
    if (kind === OP_DELETE) content.delete(rank);
  });
  return content;
}

describe("expectations", () => {
  for (const workload of WORKLOADS) {
    it(`of ${workload} are what a map holds after playing it`, () => {
      const stream = makeStream(spec({ workload, records: 300, operations: 400 }));
      const keys = makeKeys("u64", stream.keyCount, 42);
      const valueAt = valuePool("u64", 42);
      const content = [...play(stream)].sort(([a], [b]) => a - b);
      const hasher = new ContentHasher();
      for (const [rank, value] of content) hasher.add(keys.bytesOf(rank), valueAt(value));
      expect(expectationOf(stream, keys)).toMatchObject({ hash: hasher.digest(), records: content.length });
    });
  }

  it("hash as documented", () => {
    const hasher = new ContentHasher();
    hasher.add(Buffer.from("k"), Buffer.from("value"));
    const bytes = Buffer.concat([
      Buffer.from([0, 0, 0, 1]),
      Buffer.from("k"),
      Buffer.from([0, 0, 0, 5]),
      Buffer.from("value"),
    ]);
    expect(hasher.digest()).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("see the misses that a late commit causes", () => {
    const stream: Stream = {
      ...makeStream(spec({ workload: "mixed", records: 2, operations: 4 })),
      keyCount: 3,
      preload: Uint32Array.of(0),
      preloadValues: Uint32Array.of(0),
      kinds: Uint8Array.of(OP_PUT, OP_GET, OP_DELETE, OP_GET),
      keys: Uint32Array.of(2, 2, 0, 0),
      values: new Uint32Array(4),
    };
    expect(expectedHits(stream, 4, 1, true)).toBe(1);
    expect(expectedHits(stream, 4, 1, false)).toBe(1);
    expect(expectedHits(stream, 4, 2, false)).toBe(1);
    expect(expectedHits(stream, 4, 4, false)).toBe(1);
    expect(expectedHits(stream, 2, 2, false)).toBe(0);
    expect(expectedHits(stream, 2, 2, true)).toBe(1);
  });
});

describe("churn and growth", () => {
  it("keep the number of records, even beyond one turn over", () => {
    const stream = makeStream(spec({ workload: "delete-churn", records: 50, operations: 300 }));
    expect(play(stream).size).toBe(50);
  });

  it("make values longer at each overwrite", () => {
    const stream = makeStream(spec({ workload: "overwrite-grow", records: 5, operations: 50 }));
    const lengths = new Map<number, number>();
    stream.keys.forEach((rank, i) => {
      const bytes = valueBytes("u64", stream.values[i] as number);
      expect(bytes).toBeGreaterThanOrEqual(lengths.get(rank) ?? 9);
      expect(valuePool("u64", 42)(stream.values[i] as number)).toHaveLength(bytes);
      lengths.set(rank, bytes);
    });
    expect(Math.max(...lengths.values())).toBeGreaterThan(20);
  });

  it("overwrite with the same length where they say so", () => {
    const stream = makeStream(
      spec({ workload: "overwrite-same", shape: "text", records: 20, operations: 40 }),
    );
    for (const value of stream.values) expect(valueBytes("text", value)).toBe(100);
  });
});

describe("stream files", () => {
  for (const order of ORDERS) {
    it(`give back the ${order} stream that was written`, () => {
      const folder = mkdtempSync(join(tmpdir(), "espalier-stream-"));
      try {
        const asked = spec({ workload: "mixed", order, records: 101, operations: 77 });
        const path = ensureStreamFile(folder, asked);
        const shared = readStreamFile(path);
        expect(shared.stream).toEqual(makeStream(asked));
        expect(shared.expectation).toEqual(expectationOf(shared.stream, shared.keys));
        expect(ensureStreamFile(folder, asked)).toBe(path);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
