/**
 * Pages that are wrong under a right checksum, by hand: references in circles and out of the file, lengths
 * beyond all measure, free lists without end. Each is a CorruptionError with page and reason.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { CorruptionError, open } from "../../src/index.js";
import {
  AT_HOLES,
  AT_KIND,
  AT_LEFTMOST,
  AT_LEVEL,
  AT_NUMBER,
  AT_SLOTS,
  AT_TAIL,
  checksumSeed,
  KIND_FREE_LIST,
  pageChecksum,
} from "../../src/pager/page-header.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { bytesOf, withFile } from "../support/damage.js";
import { headerOf, withPage } from "../support/forge.js";
import { type ByteStore, CACHE_BYTES_LEAST, STORE_PATH } from "../support/session.js";

const encodings = { keyEncoding: "binary", valueEncoding: "binary", cacheBytes: CACHE_BYTES_LEAST } as const;
/** More than a MiB, so that the run has a table of checksums. */
const LONG_BYTES = 1_100_000;
const RECORDS = 3000;

function key(i: number): Buffer {
  return Buffer.from(String(i).padStart(60, "0"));
}

function openAt(vfs: MemoryVfs): ByteStore {
  return open<Uint8Array, Uint8Array>(STORE_PATH, { vfs, ...encodings, createIfMissing: false });
}

/** What reading and writing end with, each by itself: CorruptionError, or undefined. Throws any other error. */
function attempts(vfs: MemoryVfs, i: number): (CorruptionError | undefined)[] {
  const caught = (action: () => unknown): CorruptionError | undefined => {
    try {
      action();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      expect(error.reason).not.toBe("");
      return error;
    }
    return undefined;
  };
  let store: ByteStore | undefined;
  const failed = caught(() => {
    store = openAt(vfs);
  });
  if (store === undefined) return [failed];
  const { ok } = store.verify();
  expect(ok).toBe(false);
  const found = [
    () => store?.get(key(i)),
    () => store?.getView(key(i)),
    () => store?.getInto(key(i), new Uint8Array(10)),
    () => {
      for (const _record of store?.range({ gte: key(i), limit: 3 }) ?? []);
    },
    () => store?.delete(key(i)),
    () => {
      using snapshot = store?.snapshot();
      return snapshot?.get(key(i));
    },
    () => store?.clear(),
  ].map(caught);
  caught(() => store?.close());
  return found;
}

describe.each([512, 4096])("pages of %i bytes", (pageSize) => {
  let disk: MemoryVfs;
  let data: Uint8Array;
  /** Pages by kind. */
  let branches: number[];
  let chain: number[];
  let leaves: number[];
  const first = (): number => 8192 / pageSize;
  const view = (page: number): DataView => new DataView(data.buffer, page * pageSize, pageSize);

  beforeAll(() => {
    disk = new MemoryVfs();
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, { vfs: disk, ...encodings, pageSize });
    store.transaction(() => {
      for (let i = 0; i < RECORDS; i++) store.put(key(i), Buffer.alloc(i % 50 === 0 ? pageSize * 2 : 20, i));
      store.put(key(RECORDS), Buffer.alloc(LONG_BYTES, 9));
    });
    store.deleteRange({ gte: key(1000), lt: key(1500) });
    store.close();
    data = bytesOf(disk, STORE_PATH);
    const header = headerOf(data);
    chain = [];
    for (let page = header.freeListHead; page !== 0; page = view(page).getUint32(AT_LEFTMOST, true))
      chain.push(page);
    expect(chain.length).toBeGreaterThan(0);
    expect(view(chain[0] as number).getUint8(AT_KIND)).toBe(KIND_FREE_LIST);
    branches = [];
    leaves = [];
    // From the root of the unnamed tree along the first children: key 0 lies under all of them.
    for (let page = first() + 1; ; page = view(page).getUint32(AT_LEFTMOST, true)) {
      if (view(page).getUint8(AT_LEVEL) === 0) {
        leaves.push(page);
        break;
      }
      branches.push(page);
    }
    expect(branches.length).toBeGreaterThan(pageSize === 512 ? 2 : 0);
  });

  const damaged = (page: number, edit: (view: DataView) => void): MemoryVfs =>
    withFile(disk, STORE_PATH, withPage(data, page, edit));

  it("a child that is not there, or not of its level", () => {
    const { pageCount } = headerOf(data);
    for (const branch of branches) {
      const others = [branch, branches[0], chain[0], 0, 1, first(), pageCount, 0x7fff_ffff, 0xffff_ffff];
      for (const child of others as number[]) {
        if (branch === branches.at(-1) && child === leaves[0]) continue;
        const found = attempts(
          damaged(branch, (page) => page.setUint32(AT_LEFTMOST, child, true)),
          1,
        );
        const what = `branch ${branch} leads to ${child}`;
        if (child === first() && branch === branches.at(-1)) continue; // The catalogue's leaf: of the right level.
        for (const error of found) expect(error, what).toBeInstanceOf(CorruptionError);
        for (const error of found) expect(error?.page, what).toBeGreaterThanOrEqual(0);
      }
    }
  });

  /**
   * Story: a loop over a range that throws does not end the range, whose snapshot was held until the garbage
   * collector found it: a bad page that was met again and again kept all versions since.
   */
  it("a range that meets a bad page holds no snapshot any more", () => {
    const leaf = leaves[0] as number;
    using store = openAt(damaged(leaf, (page) => page.setUint8(AT_LEVEL, 7)));
    for (const options of [{}, { reverse: true }, { lt: key(5) }]) {
      const range = store.range(options);
      expect(() => [...range]).toThrow(CorruptionError);
      expect(store.stats().snapshots).toBe(0);
      expect(range.next().done).toBe(true);
    }
  });

  /** Story: a key shorter than the prefix of the leaf that it was led to was written before its record. */
  it("a leaf that its parent leads other keys to", () => {
    const branch = branches.at(-1) as number;
    const second = view(branch).getUint32(pageSize - 8, true);
    const disk = damaged(branch, (page) => page.setUint32(AT_LEFTMOST, second, true));
    const store = openAt(disk);
    expect(() => store.put(Buffer.from("0"), Buffer.from("short"))).toThrow(CorruptionError);
    store.put(key(RECORDS), Buffer.from("goes on"));
    store.close();
    using again = openAt(disk);
    expect(Buffer.from(again.get(key(RECORDS)) as Uint8Array).toString()).toBe("goes on");
  });

  /**
   * Story: deleting a range went on from each leaf's high fence. A leaf whose fence lay at or below the keys
   * that lead to it sent it round in circles.
   */
  it("a leaf whose high fence is not above the keys that lead to it", async () => {
    const leaf = leaves[0] as number;
    const parent = view(branches.at(-1) as number);
    const second = parent.getUint32(pageSize - 8, true);
    const bad = withPage(data, second, (page) => {
      for (let at = 8; at < pageSize; at++) page.setUint8(at, view(leaf).getUint8(at));
    });
    for (const work of [
      (store: ByteStore) => void store.deleteRange({ gte: key(0) }),
      (store: ByteStore) => void store.deleteRange({ gte: key(0), lt: key(RECORDS) }),
      (store: ByteStore) => store.compact(),
    ]) {
      using store = openAt(withFile(disk, STORE_PATH, bad));
      await expect((async () => work(store))()).rejects.toThrow(CorruptionError);
    }
  });

  it("a page of the tree whose structure is wrong, under a right checksum", () => {
    for (const page of [leaves[0], branches[0]] as number[]) {
      for (const [at, value] of [
        [AT_KIND, 9],
        [AT_SLOTS, 0x7fff],
        [AT_TAIL, 0xffff],
        [AT_TAIL, 0],
        [AT_HOLES, 5],
      ] as const) {
        const bad = damaged(page, (bytes) =>
          at === AT_KIND ? bytes.setUint8(at, value) : bytes.setUint16(at, value, true),
        );
        for (const error of attempts(bad, 1)) expect(error?.page, `byte ${at} of page ${page}`).toBe(page);
      }
    }
  });

  it("a page of the free list that says that it is another", () => {
    const head = chain[0] as number;
    const bad = data.slice();
    const page = new DataView(bad.buffer, head * pageSize, pageSize);
    page.setUint32(AT_NUMBER, head + 1, true);
    const seed = checksumSeed(headerOf(data).storeId);
    page.setUint32(0, pageChecksum(bad, head * pageSize, pageSize, seed), true);
    expect(attempts(withFile(disk, STORE_PATH, bad), 1)[0]?.page).toBe(head);
  });

  it("a free list that runs in a circle, names pages twice, or others than there are", () => {
    const head = chain[0] as number;
    const { pageCount } = headerOf(data);
    const wrong: Record<string, (page: DataView) => void> = {
      "a circle": (page) => page.setUint32(AT_LEFTMOST, head, true),
      "a circle of pages that list nothing": (page) => {
        page.setUint32(AT_LEFTMOST, head, true);
        page.setUint16(AT_SLOTS, 0, true);
      },
      "a next page beyond the end": (page) => page.setUint32(AT_LEFTMOST, pageCount + 1, true),
      "a next page in the header": (page) => page.setUint32(AT_LEFTMOST, 1, true),
      "a next page of the tree": (page) => page.setUint32(AT_LEFTMOST, leaves[0] as number, true),
      "more extents than it can hold": (page) => page.setUint16(AT_SLOTS, 0xffff, true),
      "an extent of the header": (page) => page.setUint32(32, 0, true),
      "an extent of no page": (page) => page.setUint32(36, 0, true),
      "an extent beyond the end": (page) => page.setUint32(36, 0xffff_fff0, true),
      "an extent twice": (page) => {
        page.setUint16(AT_SLOTS, 2, true);
        for (const at of [32, 40]) {
          page.setUint32(at, head, true);
          page.setUint32(at + 4, 1, true);
        }
      },
      "another kind": (page) => page.setUint8(AT_KIND, 1),
    };
    for (const [name, edit] of Object.entries(wrong)) {
      const found = attempts(damaged(head, edit), 1);
      expect(found, name).toHaveLength(1);
      expect(found[0]?.page, name).toBeGreaterThanOrEqual(0);
    }
  });

  it("a free list of which a bit has changed", () => {
    const head = chain[0] as number;
    for (let at = 0; at < 44; at++) {
      const bad = data.slice();
      bad[head * pageSize + at]! ^= 1 << (at & 7);
      expect(attempts(withFile(disk, STORE_PATH, bad), 1)[0], `byte ${at}`).toBeInstanceOf(CorruptionError);
    }
  });

  /** The reference of key 0, in the first leaf: its value comes last in the record, which is 12 bytes. */
  it("a reference to a long value that leads anywhere, with a length beyond all measure", () => {
    const leaf = leaves[0] as number;
    const slot = pageSize - 8;
    const end = view(leaf).getUint16(slot + 4, true) + (view(leaf).getUint16(slot + 6, true) & 0x7fff);
    const reference = end - 12;
    expect(view(leaf).getUint32(reference, true)).toBe(pageSize * 2);
    const { pageCount } = headerOf(data);
    const wrong: [string, number, number][] = [
      ["length", 0, 0xffff_ffff],
      ["length", 0, 0x4000_0000],
      ["length", 0, 0x7fff_ffff],
      ["page", 4, 0],
      ["page", 4, pageCount],
      ["page", 4, 0xffff_ffff],
      ["page", 4, leaf],
      ["checksum", 8, 0],
    ];
    const before = process.memoryUsage().arrayBuffers;
    for (const [name, at, value] of wrong) {
      const found = attempts(
        damaged(leaf, (page) => page.setUint32(reference + at, value, true)),
        0,
      );
      // Where reference and file fit together, getInto with too small a buffer, and deleting, have nothing to read;
      // and what was deleted a snapshot of then does not have.
      const inside = name === "checksum" || value === leaf;
      found.forEach((error, i) => {
        if (!inside || ![2, 4, 5, 6].includes(i))
          expect(error, `${name} ${value}, ${i}`).toBeInstanceOf(CorruptionError);
      });
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000_000);
  });

  it("a very long value, of which any part has changed, its checksums included", () => {
    const needle = Buffer.from(data.buffer).indexOf(Buffer.alloc(1000, 9));
    expect(needle).toBeGreaterThan(0);
    for (const at of [needle - 8, needle - 1, needle, needle + 1024 * 1024 + 5, needle + LONG_BYTES - 1]) {
      const bad = data.slice();
      bad[at]! ^= 1;
      using store = openAt(withFile(disk, STORE_PATH, bad));
      expect(() => store.get(key(RECORDS)), `byte ${at - needle}`).toThrow(CorruptionError);
      expect(store.verify().ok).toBe(false);
    }
  });

  it("a name in the catalogue that nobody can ask for", () => {
    const made = new MemoryVfs();
    const store: ByteStore = open(STORE_PATH, { vfs: made, ...encodings, pageSize });
    store.tree("tree 1").put("a", 1);
    store.close();
    const whole = bytesOf(made, STORE_PATH);
    const { catalogRoot } = headerOf(whole);
    const at = Buffer.from(whole.buffer, catalogRoot * pageSize, pageSize).indexOf("tree 1");
    const bad = withPage(whole, catalogRoot, (page) => page.setUint8(at + 5, 0xff));
    using opened = openAt(withFile(made, STORE_PATH, bad));
    expect(opened.verify().problems[0]).toMatchObject({ page: catalogRoot, invariant: "S3" });
    expect(() => opened.trees()).toThrow(CorruptionError);
  });
});
