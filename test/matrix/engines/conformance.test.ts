/**
 * Every adapter, present or not, against one small stream in every shape: the content must hash to what the
 * stream says, after writing and after opening again. An engine that is missing must say how to install it.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine, EngineStore } from "../../../matrix/engines/engine.js";
import { ENGINES } from "../../../matrix/engines/registry.js";
import { SHAPES, type ShapeName } from "../../../matrix/results/document.js";
import { ContentHasher, type Expectation, expectationOf } from "../../../matrix/streams/content.js";
import { type Key, makeKeys, valuePool } from "../../../matrix/streams/shapes.js";
import { makeStream, OP_DELETE, type Stream } from "../../../matrix/streams/stream.js";
import { open as openStore } from "../../../src/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-engines-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function churn(shape: ShapeName): Stream {
  return makeStream({
    workload: "delete-churn",
    shape,
    order: "random",
    records: 300,
    operations: 200,
    seed: 7,
  });
}

async function contentHash(store: EngineStore): Promise<string> {
  const hasher = new ContentHasher();
  for await (const [key, value] of store.entries()) hasher.add(key, value);
  return hasher.digest();
}

async function play(store: EngineStore, stream: Stream, keys: Key[]): Promise<void> {
  const valueAt = valuePool(stream.spec.shape, stream.spec.seed);
  const key = (rank: number | undefined): Key => keys[rank as number] as Key;
  await store.transaction(() => {
    const order = Array.from(stream.preload, (rank, i) => ({
      rank,
      value: stream.preloadValues[i] as number,
    }));
    order.sort((a, b) => a.rank - b.rank);
    store.putMany(order.map(({ rank, value }) => [key(rank), valueAt(value)]));
  });
  for (let from = 0; from < stream.kinds.length; from += 16) {
    await store.transaction(() => {
      for (let i = from; i < Math.min(from + 16, stream.kinds.length); i++) {
        if (stream.kinds[i] === OP_DELETE) store.delete(key(stream.keys[i]));
        else store.put(key(stream.keys[i]), valueAt(stream.values[i] as number));
      }
    });
  }
}

async function checkEngine(engine: Engine, shape: ShapeName): Promise<void> {
  const stream = churn(shape);
  const keySet = makeKeys(shape, stream.keyCount, stream.spec.seed);
  const keys = keySet.inForm(engine.keyForm(shape));
  const expected = expectationOf(stream, keySet);
  const open = (): Promise<EngineStore> => engine.open({ folder, shape, profile: false });
  let store = await open();
  await play(store, stream, keys);
  expect(await contentHash(store)).toBe(expected.hash);
  await store.close();

  store = await open();
  expect(await contentHash(store)).toBe(expected.hash);
  const gone = keys[stream.keys[0] as number] as Key;
  const there = keys[stream.keys[1] as number] as Key;
  store.reading(() => {
    expect(store.get(gone) ?? null).toBeNull();
    expect(Buffer.from(store.get(there) ?? [])).toEqual(
      valuePool(shape, stream.spec.seed)(stream.values[1] as number),
    );
  });
  expect(await store.scan({ from: null, reverse: false, limit: -1 })).toBe(expected.records);
  expect(await store.scan({ from: null, reverse: true, limit: -1 })).toBe(expected.records);
  expect(await store.scan({ from: keys[0] as Key, reverse: false, limit: 100 })).toBe(100);
  expect(store.level !== undefined).toBe(engine.isLevel === true);
  if (store.level !== undefined) {
    expect(await store.level.get(gone)).toBeUndefined();
    expect(await store.level.get(there)).toEqual(store.get(there));
    expect(await store.level.all({ from: null, reverse: false, limit: -1 })).toBe(expected.records);
    expect(await store.level.all({ from: keys[0] as Key, reverse: false, limit: 100 })).toBe(100);
  }
  await store.close();
  const file = engine.isLevel === true ? join("level", "data.esp") : "data.esp";
  if (engine.family === "espalier" || engine.family === "legacy") verifyFile(join(folder, file), expected);
}

/** What is on this store's own files must also prove itself. */
function verifyFile(file: string, { hash, records }: Expectation): void {
  using store = openStore(file, { valueEncoding: "binary", readOnly: true });
  expect(store.verify()).toMatchObject({ ok: true, problems: [], records, digest: hash });
}

for (const engine of ENGINES) {
  describe(engine.id, async () => {
    const presence = await engine.probe();
    if (!presence.present) {
      it("says why it is missing and how to get it", () => {
        expect(presence.reason).toBeTruthy();
        expect(presence.install).toBeTruthy();
      });
      return;
    }
    for (const shape of SHAPES) {
      if (engine.unsupported("mixed", shape) !== null) continue;
      it(`holds what a stream of ${shape} records says`, () => checkEngine(engine, shape));
    }
  });
}
