/**
 * Hostile bytes: whatever is changed in a store's file, opening and reading it ends in an error of
 * espalier's own, or in the right answer; never in a wrong one, another kind of error, or no end.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { CorruptionError, EspalierError, open } from "../../src/index.js";
import { AT_KIND, AT_NUMBER, checksumSeed, pageChecksum } from "../../src/pager/page-header.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { bytesOf, withFile } from "../support/damage.js";
import { type ByteStore, CACHE_BYTES_LEAST, STORE_PATH } from "../support/session.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 5);
const PAGE = 512;
/** Before it lie the copies of the store's header. */
const FIRST_PAGE = 16;
/** Records that stay. */
const KEPT = 400;
/**
 * What all reading of one damaged file may take, in milliseconds of the processor: a bound on loops, not a measurement,
 * and no finding on a busy machine.
 */
const TIME_LIMIT_MS = 5000;

const options = {
  pageSize: PAGE,
  cacheBytes: CACHE_BYTES_LEAST,
  keyEncoding: "binary",
  valueEncoding: "binary",
} as const;

function openAt(vfs: MemoryVfs, readOnly = false): ByteStore {
  const { pageSize: _, ...rest } = options;
  return open<Uint8Array, Uint8Array>(STORE_PATH, { ...rest, vfs, readOnly, createIfMissing: false });
}

function key(i: number): Buffer {
  return Buffer.from(`key/${String(i * 7).padStart(6, "0")}`);
}

function value(i: number): Buffer {
  return Buffer.alloc(i % 40 === 0 ? 1500 + i : i % 90, i);
}

/** Three levels, overflow values, a named tree, free pages. `treePages`: leaves and branches of its trees. */
function makeStore(): { disk: MemoryVfs; treePages: number } {
  const vfs = new MemoryVfs();
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, vfs });
  store.transaction(() => {
    for (let i = 0; i < KEPT; i++) store.put(key(i), value(i));
    for (let i = KEPT; i < KEPT + 100; i++) store.put(key(i), Buffer.alloc(100));
  });
  const named = store.tree<Uint8Array, Uint8Array>("named", {
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  for (let i = 0; i < 30; i++) named.put(key(i), value(i));
  store.deleteRange({ gte: key(KEPT) });
  store.checkpoint();
  const report = store.verify();
  expect(report.ok).toBe(true);
  expect(report.freePages).toBeGreaterThan(10);
  expect(report.trees[""]?.height).toBeGreaterThanOrEqual(3);
  store.close();
  return { disk: vfs, treePages: Object.values(report.trees).reduce((sum, { pages }) => sum + pages, 0) };
}

/** Reads everything in several ways. Throws where an answer is wrong, or an error not espalier's own. */
function readAll(vfs: MemoryVfs): "unharmed" | "error" {
  const start = process.cpuUsage();
  const guarded = (read: () => void): boolean => {
    try {
      read();
      return true;
    } catch (error) {
      if (error instanceof EspalierError) {
        if (error instanceof CorruptionError) expect(error.reason.length).toBeGreaterThan(0);
        return false;
      }
      throw error;
    }
  };
  let store: ByteStore | undefined;
  if (!guarded(() => (store = openAt(vfs)))) return "error";
  let whole = true;
  for (let i = 0; i < KEPT; i += 7)
    whole = guarded(() => expectSame((store as ByteStore).get(key(i)), value(i))) && whole;
  whole =
    guarded(() => {
      let i = 0;
      for (const [k, v] of (store as ByteStore).range()) {
        if (Buffer.compare(k, key(i)) !== 0) throw new Error(`the range gave another key at ${i}`);
        expectSame(v, value(i++));
      }
      if (i !== KEPT) throw new Error(`the range ended after ${i}`);
    }) && whole;
  whole = guarded(() => void (store as ByteStore).count({ gte: key(10), lt: key(200) })) && whole;
  whole =
    guarded(() => {
      const report = (store as ByteStore).verify();
      if (!report.ok) throw new CorruptionError("test", "verify says so", { page: -1, offset: -1 });
      if (!whole) throw new Error("verify found nothing where reading did");
    }) && whole;
  guarded(() => (store as ByteStore).put(key(5), value(6)));
  guarded(() => void (store as ByteStore).delete(key(100)));
  guarded(() => (store as ByteStore).close());
  const { user, system } = process.cpuUsage(start);
  if ((user + system) / 1000 > TIME_LIMIT_MS) throw new Error("it took too long");
  return whole ? "unharmed" : "error";
}

function expectSame(found: Uint8Array | undefined, wanted: Uint8Array): void {
  if (found === undefined || Buffer.compare(found, wanted) !== 0)
    throw new Error("a wrong value was returned");
}

describe(`hostile bytes, seed ${SEED}`, () => {
  let disk: MemoryVfs;
  let treePages: number;
  let data: Uint8Array;
  beforeAll(() => {
    ({ disk, treePages } = makeStore());
    data = bytesOf(disk, STORE_PATH);
  });

  const attempt = (bad: Uint8Array, what: string): string => {
    try {
      return readAll(withFile(disk, STORE_PATH, bad));
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  };

  it("starts from a file that is whole", () => {
    expect(attempt(data.slice(), "nothing changed")).toBe("unharmed");
  });

  it("a bit flipped anywhere is found, or does no harm", () => {
    const prng = new Prng(SEED);
    const step = Number(process.env["ESPALIER_STEP"] ?? 150);
    const seen = { unharmed: 0, error: 0 };
    for (let at = 0; at < data.length; at += 1 + prng.below(step)) {
      const bad = data.slice();
      bad[at]! ^= 1 << prng.below(8);
      seen[attempt(bad, `byte ${at}`) as "error"]++;
    }
    expect(seen.error).toBeGreaterThan(seen.unharmed / 2);
    expect(seen.unharmed).toBeGreaterThan(0);
  });

  it("pages zeroed, made noise or swapped are found where they are in use", () => {
    const prng = new Prng(SEED);
    const found = { zeroed: 0, noise: 0, swapped: 0 };
    for (let page = FIRST_PAGE; page < data.length / PAGE; page++) {
      const zeroed = data.slice();
      zeroed.fill(0, page * PAGE, (page + 1) * PAGE);
      if (attempt(zeroed, `page ${page} zeroed`) === "error") found.zeroed++;
      const noise = data.slice();
      prng.fill(noise, page * PAGE, (page + 1) * PAGE);
      if (attempt(noise, `page ${page} noise`) === "error") found.noise++;
      const other = FIRST_PAGE + prng.below(data.length / PAGE - FIRST_PAGE);
      const swapped = data.slice();
      swapped.set(data.subarray(other * PAGE, (other + 1) * PAGE), page * PAGE);
      swapped.set(data.subarray(page * PAGE, (page + 1) * PAGE), other * PAGE);
      if (attempt(swapped, `pages ${page} and ${other} swapped`) === "error") found.swapped++;
    }
    expect(found.zeroed).toBeGreaterThanOrEqual(treePages);
    expect(found.noise).toBeGreaterThanOrEqual(treePages);
    // All but those that were swapped with themselves.
    expect(found.swapped).toBeGreaterThan(treePages * 0.9);
  });

  it("a file cut at any length is found", () => {
    const prng = new Prng(SEED);
    for (let length = data.length - 1; length > 0; length -= 1 + prng.below(700)) {
      expect(attempt(data.slice(0, length), `cut at ${length}`), `cut at ${length}`).toBe("error");
    }
  });

  /** What a checksum cannot tell: pages that are wrong and say so under a right checksum. */
  it("pages with wrong contents and right checksums never lead out of the page or round in circles", () => {
    const prng = new Prng(SEED);
    const storeId = data.subarray(16, 32);
    const seed = checksumSeed(storeId);
    let errors = 0;
    const rounds = Number(process.env["ESPALIER_ROUNDS"] ?? 1500);
    for (let round = 0; round < rounds; round++) {
      const bad = data.slice();
      const page = FIRST_PAGE + prng.below(data.length / PAGE - FIRST_PAGE);
      const kind = bad[page * PAGE + AT_KIND]!;
      if (kind < 1 || kind > 3) continue;
      const edits = 1 + prng.below(3);
      for (let i = 0; i < edits; i++) {
        // Mostly where the structure is: the header, the directory, numbers of pages.
        const at = prng.chance(0.6)
          ? 8 + prng.below(30)
          : prng.chance(0.7)
            ? PAGE - 1 - prng.below(60)
            : 8 + prng.below(PAGE - 8);
        bad[page * PAGE + at] = prng.chance(0.5)
          ? prng.below(256)
          : prng.pick([0, 1, 16, 17, 18, 0x7f, 0x80, 0xff]);
      }
      const view = new DataView(bad.buffer, page * PAGE);
      view.setUint32(AT_NUMBER, page, true);
      view.setUint32(0, pageChecksum(bad, page * PAGE, PAGE, seed), true);
      if (readHostile(withFile(disk, STORE_PATH, bad), `round ${round}, page ${page}`)) errors++;
    }
    expect(errors).toBeGreaterThan(100);
  });

  /** As attempt, where wrong answers can't be told: only the kinds of errors and the time count. */
  function readHostile(vfs: MemoryVfs, what: string): boolean {
    try {
      return readAll(vfs) === "error";
    } catch (error) {
      const harmless =
        error instanceof Error && /a wrong value|another key|ended after|nothing where/.test(error.message);
      if (harmless) return true;
      throw new Error(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
});
