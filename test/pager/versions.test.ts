/** Old versions of blocks in their temporary file: what cannot be read or written there is lost to nobody. */

import { expect, it, vi } from "vitest";
import { DiskFullError, IoError, open, type Store } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { OpenMode, VfsFile } from "../../src/vfs/vfs.js";
import { bytesOf, withFile } from "../support/damage.js";
import { STORE_PATH } from "../support/session.js";

const CACHE_BYTES = 64 * 4096;

const key = (i: number): string => `key-${String(i).padStart(6, "0")}`;
const value = (i: number): string => `value-${String(i).padStart(6, "0")}${"-".repeat(50)}`;

/** A file system whose file of old versions fails as it is told. */
class FailingVfs extends MemoryVfs {
  readError: Error | undefined;
  writeError: Error | undefined;
  reads = 0;

  override open(path: string, mode: OpenMode): VfsFile {
    const file = super.open(path, mode);
    if (!path.includes("-versions-")) return file;
    const { read, write } = file;
    file.read = (...range) => {
      this.reads++;
      if (this.readError !== undefined) throw this.readError;
      return read.apply(file, range);
    };
    file.write = (...range) => {
      if (this.writeError !== undefined) throw this.writeError;
      return write.apply(file, range);
    };
    return file;
  }
}

function filled(vfs: MemoryVfs, pageSize: number, records: number): Store<string, string> {
  const store = open<string, string>(STORE_PATH, {
    vfs,
    pageSize,
    cacheBytes: CACHE_BYTES,
    durability: "none",
    valueEncoding: "utf8",
  });
  store.putMany(Array.from({ length: records }, (_, i): [string, string] => [key(i), value(i)]));
  return store;
}

it("versions that cannot be read keep no frame of the cache", () => {
  const vfs = new FailingVfs();
  using store = filled(vfs, 4096, 10_000);
  using snapshot = store.snapshot();
  for (let i = 0; i < 10_000; i += 20) store.put(key(i), "new");
  vfs.readError = new IoError(STORE_PATH, "read", "EIO");
  let failed = 0;
  for (let i = 0; i < 10_000; i += 20) {
    try {
      expect(snapshot.get(key(i))).toBe(value(i));
    } catch (error) {
      expect(error).toBe(vfs.readError);
      failed++;
    }
  }
  expect(failed).toBeGreaterThan(2 * 64);
  vfs.readError = undefined;
  for (let i = 0; i < 10_000; i += 20) expect(snapshot.get(key(i))).toBe(value(i));
  expect(store.get(key(20))).toBe("new");
});

it("versions that find no room in the file go there when there is some", () => {
  const vfs = new FailingVfs();
  using store = filled(vfs, 4096, 10_000);
  using snapshot = store.snapshot();
  for (let i = 0; i < 3000; i += 20) store.put(key(i), "new");
  vfs.writeError = new DiskFullError("no room");
  let failed = 0;
  for (let round = 0; round < 3; round++) {
    for (let i = 3000; i < 6000; i += 20) {
      try {
        store.put(key(i), "new");
      } catch (error) {
        expect(error).toBe(vfs.writeError);
        failed++;
      }
    }
  }
  expect(failed).toBeGreaterThan(3 * 64);
  // Nothing is read from the file without a frame for it.
  for (let i = 0; i < 10_000; i++) expect(snapshot.get(key(i)), key(i)).toBe(value(i));
  vfs.writeError = undefined;
  for (let i = 3000; i < 10_000; i += 20) store.put(key(i), "newer");
  for (let i = 0; i < 10_000; i++) expect(snapshot.get(key(i)), key(i)).toBe(value(i));
  expect(store.verify().problems).toEqual([]);
});

it("a page that nobody has looked at is checked when a version comes back from the file", () => {
  const vfs = new FailingVfs();
  filled(vfs, 512, 4000).close();
  const bytes = Buffer.from(bytesOf(vfs, STORE_PATH));
  const blockOf = (i: number): number => bytes.indexOf(value(i)) >>> 12;
  const pageOf = (i: number): number => bytes.indexOf(value(i)) >>> 9;
  // Two records in one block, in pages that are not one.
  let first = 1000;
  while (blockOf(first) !== blockOf(first + 6) || pageOf(first) === pageOf(first + 6)) first++;
  const damaged = first + 6;
  bytes[bytes.indexOf(value(damaged)) + 1]! ^= 1;
  const after = new FailingVfs();
  for (const [name, node] of withFile(vfs, STORE_PATH, bytes).nodes) after.nodes.set(name, node);
  const store = open<string, string>(STORE_PATH, { vfs: after, cacheBytes: CACHE_BYTES, durability: "none" });
  const snapshot = store.snapshot();
  store.put(key(first), "new");
  for (let i = 2000; i < 4000; i++) store.put(key(i), "new");
  const { reads } = after;
  expect(snapshot.get(key(first))).toBe(value(first));
  expect(after.reads).toBeGreaterThan(reads);
  expect(() => snapshot.get(key(damaged))).toThrow(/checksum is wrong/);
});

it("a snapshot that is closed takes nothing from an older one", () => {
  using store = filled(new MemoryVfs(), 4096, 10_000);
  using old = store.snapshot();
  for (let i = 0; i < 10_000; i += 20) store.put(key(i), "new");
  const { versions } = store.stats();
  expect(versions).toBeGreaterThan(100);
  for (const change of [() => undefined, () => store.put(key(20), "newer")]) {
    const snapshot = store.snapshot();
    change();
    snapshot.close();
    expect(store.stats().versions).toBe(versions);
  }
  for (let i = 0; i < 10_000; i += 20) expect(old.get(key(i))).toBe(value(i));
});

it("each of many snapshots sees its own version of a block, and takes that with it", () => {
  using store = filled(new MemoryVfs(), 4096, 1000);
  const snapshots = Array.from({ length: 200 }, (_, i) => {
    const snapshot = store.snapshot();
    store.put(key(0), `new ${i}`);
    return snapshot;
  });
  for (const [i, snapshot] of snapshots.entries()) {
    expect(snapshot.get(key(0))).toBe(i === 0 ? value(0) : `new ${i - 1}`);
    snapshot.close();
    expect(store.stats().versions).toBe(199 - i);
  }
});

/**
 * Story: 4,000 ranges of which only the first record was looked at, with a write between each, took a minute and a half to
 * end, in one go where the garbage collector found them: each looked at all versions since, and for each at the snapshots.
 */
it("many snapshots that are closed do not look at each other's versions", () => {
  const SNAPSHOTS = 200;
  for (const order of ["oldest first", "every other one first"]) {
    using store = filled(new MemoryVfs(), 4096, 10_000);
    const snapshots = Array.from({ length: SNAPSHOTS }, (_, i) => {
      store.put(key(i * 40), "new");
      return store.snapshot();
    });
    store.put(key(SNAPSHOTS * 40), "new");
    const inOrder = [...snapshots.keys()].sort((a, b) =>
      order === "oldest first" ? a - b : (a % 2) - (b % 2) || a - b,
    );
    const asked = [vi.spyOn(Map.prototype, "keys"), vi.spyOn(Map.prototype, "get")];
    for (const i of inOrder) snapshots[i]!.close();
    const looks = asked.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    vi.restoreAllMocks();
    expect(looks, order).toBeLessThan(10 * SNAPSHOTS);
    expect(store.stats().versions).toBe(0);
  }
});
