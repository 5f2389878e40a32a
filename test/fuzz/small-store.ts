/**
 * The smallest store that has everything: three levels, values on overflow pages, a named tree, free pages and
 * a free list; closed, or with a log. And reading all of it, fast.
 */

import { CorruptionError, EspalierError, open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { keyOfBytes, Model } from "../support/model.js";
import { type ByteStore, CACHE_BYTES_LEAST, STORE_PATH } from "../support/session.js";

const PAGE = 512;
/** Long keys: three or four of them fill a leaf. Four at a time differ at their ends only, so that branches fill too. */
const KEY_BYTES = 100;
const RECORDS = 40;
/** Processor time in which opening, proving and reading this little is long over: a bound on loops. */
const CPU_LIMIT_US = 10_000_000;

const options = {
  pageSize: PAGE,
  cacheBytes: CACHE_BYTES_LEAST,
  keyEncoding: "binary",
  valueEncoding: "binary",
} as const;

export interface SmallStore {
  readonly disk: MemoryVfs;
  /** The contents that may be found: as it is, and before its last commit. */
  readonly model: Model;
  readonly before: Model;
}

function keyOf(i: number): Buffer {
  return Buffer.alloc(KEY_BYTES, ((i >> 2) * 37) % 251).fill(i & 3, KEY_BYTES - 8);
}

/** With `withLog`, as a power cut leaves it in the middle of its work: the last commits are in the log. */
export function makeSmallStore(withLog: boolean): SmallStore {
  const vfs = new FaultyVfs({ seed: 1 });
  const model = new Model();
  let store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs });
  const put = (i: number, length: number): void => {
    const value = Buffer.alloc(length, i);
    store.put(keyOf(i), value);
    model.tree("").set(keyOfBytes(keyOf(i)), value);
  };
  store.transaction(() => {
    for (let i = 0; i < RECORDS; i++) put(i, i % 20 === 5 ? 700 + i : i % 30);
  });
  const named = store.tree<Uint8Array, Uint8Array>("named", {
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  named.put(keyOf(1), Buffer.alloc(5, 1));
  model.tree("named").set(keyOfBytes(keyOf(1)), Buffer.alloc(5, 1));
  // The next session has logs of its own, as small as the store.
  store.close();
  store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs });
  for (const i of [5, 11, 12]) {
    store.delete(keyOf(i));
    model.tree("").delete(keyOfBytes(keyOf(i)));
  }
  store.checkpoint();
  const report = store.verify();
  if ((report.trees[""]?.height ?? 0) < 3) throw new Error("the store has no three levels");
  if (report.freePages === 0) throw new Error("the store has no free pages");
  let before = model.clone();
  for (let i = 0; withLog && i < 3; i++) {
    before = model.clone();
    put(3 + (i & 1), 20 + i);
  }
  if (!withLog) store.close();
  const disk = vfs.powerCutImage("dropped", 1);
  if (withLog) store.close();
  return { disk, model, before };
}

/**
 * Opens a damaged store, proves it and reads all of it. "whole" or "one less" where it holds the newest state
 * or the one before, "error" where it says what is wrong. Throws where an answer is wrong, an error is not of
 * espalier's own, or it takes too long.
 */
export function outcomeOf(vfs: MemoryVfs, { model, before }: SmallStore): "whole" | "one less" | "error" {
  const start = process.cpuUsage();
  const startMs = performance.now();
  let found: "whole" | "one less" | "error" = "error";
  let store: ByteStore | undefined;
  try {
    const { pageSize: _, ...rest } = options;
    store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...rest, vfs, createIfMissing: false });
    const whole = holds(store, model);
    if (!whole && !holds(store, before)) throw new Error("it holds what it never held");
    const { ok } = store.verify();
    found = ok ? (whole ? "whole" : "one less") : "error";
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    if (error instanceof CorruptionError && error.reason === "") throw error;
  }
  try {
    store?.close();
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
  }
  if (performance.now() - startMs > CPU_LIMIT_US / 1000 && process.cpuUsage(start).user > CPU_LIMIT_US)
    throw new Error("it took too long");
  return found;
}

function holds(store: ByteStore, model: Model): boolean {
  for (const [name, expected] of model.trees) {
    const tree =
      name === ""
        ? store
        : store.tree<Uint8Array, Uint8Array>(name, { keyEncoding: "binary", valueEncoding: "binary" });
    let records = 0;
    for (const [key, value] of tree.range()) {
      const wanted = expected.get(keyOfBytes(key));
      if (wanted === undefined || Buffer.compare(wanted, value) !== 0) return false;
      if (records % 5 === 0 && Buffer.compare(tree.get(key) ?? Buffer.alloc(0), value) !== 0)
        throw new Error("get and range give different values");
      records++;
    }
    if (records !== expected.size) return false;
  }
  return true;
}
