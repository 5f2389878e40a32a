/**
 * Random bytes for everything that takes bytes from a disk: what the page check lets through leads no reader
 * out of its page, and no parser throws anything of its own. Pages are grown from whole ones: what had an
 * outcome that was not seen before joins those that further ones are made from.
 */

import { expect, it } from "vitest";
import { createMetrics } from "../../src/base/metrics.js";
import { decodeSegmentHeader, encodeSegmentHeader } from "../../src/log/log-format.js";
import { branchEntries, branchRoom, buildBranch, childAt, searchBranch } from "../../src/page/branch.js";
import {
  copyKey,
  highFence,
  isBetweenFences,
  keyOf,
  lowFence,
  searchLeaf,
  sharedWithPrevious,
  slotCount,
  valueAt,
  valueLength,
} from "../../src/page/leaf.js";
import { LeafBuilder } from "../../src/page/leaf-builder.js";
import { keyBytesMax } from "../../src/page/limits.js";
import { checkPage } from "../../src/page/page-check.js";
import {
  AT_HOLES,
  AT_KIND,
  AT_LEVEL,
  AT_SLOTS,
  AT_TAIL,
  BRANCH_SLOT_BYTES,
  directoryBytes,
  KIND_BRANCH,
  KIND_LEAF,
} from "../../src/pager/page-header.js";
import { PagePool, type PoolOwner } from "../../src/pager/page-pool.js";
import { decodeStoreHeader, encodeStoreHeader, headerVersion } from "../../src/pager/store-header.js";
import { decodeTreeRecord } from "../../src/store/catalog.js";
import { Prng } from "../../src/vfs/prng.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);
const ROUNDS: number = Number(process.env["ESPALIER_FUZZ_ROUNDS"] ?? 15_000);
const TIME_LIMIT_MS = 2 ** 31 - 1;
const CORPUS_MAX = 400;
const INTERESTING = [0, 1, 2, 3, 4, 5, 12, 31, 32, 33, 0x7f, 0x80, 0xff];

const nobody: PoolOwner = {
  assertBlock: () => undefined,
  load: () => undefined,
  check: () => undefined,
  clean: () => true,
  full: () => new Error("full"),
} as unknown as PoolOwner;

/** Whole pages to begin with. */
function seeds(pageSize: number): Uint8Array[] {
  const builder = new LeafBuilder(pageSize);
  const long = keyBytesMax(pageSize);
  const leaf = (low: string, high: string, keys: readonly string[], overflow: boolean): Uint8Array => {
    builder.start(Buffer.from(low), Buffer.from(high));
    for (const key of keys) {
      const bytes = Buffer.from(key);
      builder.add(bytes, bytes.length, Buffer.alloc(12, 5), 0, overflow ? 12 : key.length % 13, overflow);
    }
    return builder.finish().slice();
  };
  const entry = (separator: string, child: number): { separator: Uint8Array; child: number } => ({
    separator: Buffer.from(separator),
    child,
  });
  return [
    leaf("", "", [], false),
    leaf("", "", ["", "a", "bb", "bbb", "c".repeat(40)], false),
    leaf("key-a", "key-z", ["key-b", "key-c", "key-cc"], true),
    leaf("k".repeat(long), "", [`${"l".repeat(long)}`], false),
    buildBranch(
      pageSize,
      1,
      20,
      [entry("a", 21), entry("abcd", 22), entry("abcdefgh", 23)],
      Buffer.alloc(0),
      Buffer.alloc(0),
    ),
    buildBranch(
      pageSize,
      3,
      20,
      [entry("key-c", 21), entry("key-d", 22)],
      Buffer.from("key-a"),
      Buffer.from("key-z"),
    ),
    new Uint8Array(pageSize),
  ];
}

function mutated(prng: Prng, corpus: readonly Uint8Array[]): Uint8Array {
  const bytes = prng.pick(corpus).slice();
  if (prng.chance(0.1)) {
    const other = prng.pick(corpus);
    const from = prng.below(bytes.length);
    bytes.set(other.subarray(from, from + prng.below(64)), from);
  }
  for (let edits = 1 + prng.below(4); edits > 0; edits--) {
    const at = prng.chance(0.6)
      ? 8 + prng.below(40)
      : prng.chance(0.6)
        ? bytes.length - 1 - prng.below(64)
        : prng.below(bytes.length);
    const lot = prng.below(4);
    if (lot === 0) bytes[at]! ^= 1 << prng.below(8);
    else if (lot === 1) bytes[at] = prng.pick(INTERESTING);
    else if (lot === 2) bytes[at]! += prng.pick([1, -1]);
    else bytes[at] = prng.below(256);
  }
  return bytes;
}

/** Edits that only an enemy makes: what they change adds up. */
function forged(prng: Prng, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  const slots = view.getUint16(AT_SLOTS, true);
  if (prng.chance(0.5)) {
    const delta = prng.pick([8, 100, bytes.length - 40, bytes.length]);
    view.setUint16(AT_TAIL, view.getUint16(AT_TAIL, true) + delta, true);
    view.setUint16(AT_HOLES, view.getUint16(AT_HOLES, true) + delta, true);
  } else if (slots > 0 && slots < 30 && bytes[AT_KIND] === KIND_BRANCH) {
    // The last separator reaches out of the page, into bytes that are all ones or all zeros.
    const slot = bytes.length - BRANCH_SLOT_BYTES * slots;
    view.setUint32(slot, prng.chance(0.8) ? 0xffff_ffff : 0, true);
    view.setUint16(slot + 8, bytes.length, true);
  } else if (slots > 0 && slots < 30 && bytes[AT_KIND] === KIND_LEAF) {
    // A key that is longer than its record.
    const record = view.getUint16(bytes.length - 8 * prng.below(slots) - 4, true) % bytes.length;
    bytes[record]! = (bytes[record]! + prng.pick([1, 20, 100])) & 0x7f;
  }
}

/** All that the readers say of a page that has passed the check; throws where it cannot be. */
function readAll(pool: PagePool, offset: number, keys: readonly Uint8Array[]): string {
  const { pageSize } = pool;
  const slots = slotCount(pool, offset);
  const kind = pool.u8[offset + AT_KIND]!;
  if (pool.u16[(offset + AT_TAIL) >> 1]! > pageSize - directoryBytes(kind, slots))
    throw new Error("the tail lies in the slots");
  return pool.u8[offset + AT_LEVEL]! > 0 ? readBranch(pool, offset, keys) : readLeaf(pool, offset, keys);
}

function readBranch(pool: PagePool, offset: number, keys: readonly Uint8Array[]): string {
  const slots = slotCount(pool, offset);
  const said: (string | number)[] = [branchRoom(pool, offset)];
  for (const { separator, child } of branchEntries(pool, offset)) {
    if (separator.length > keyBytesMax(pool.pageSize)) throw new Error("a separator is too long");
    said.push(Buffer.from(separator).toString("hex"), child);
  }
  for (const key of keys) {
    const position = searchBranch(pool, offset, key, key.length);
    if (position < 0 || position > slots) throw new Error(`position ${position} of ${slots}`);
    said.push(childAt(pool, offset, position));
  }
  return said.join();
}

function readLeaf(pool: PagePool, offset: number, keys: readonly Uint8Array[]): string {
  const { pageSize } = pool;
  const slots = slotCount(pool, offset);
  const low = lowFence(pool, offset);
  const high = highFence(pool, offset);
  const buffer = new Uint8Array(keyBytesMax(pageSize));
  const said: (string | number)[] = [Buffer.from(low).toString("hex"), Buffer.from(high).toString("hex")];
  for (let slot = 0; slot < slots; slot++) {
    const key = keyOf(pool, offset, slot);
    if (copyKey(pool, offset, slot, buffer) !== key.length) throw new Error("two lengths of one key");
    const at = valueAt(pool, offset, slot);
    const end = at + valueLength(pool, offset, slot);
    if (at < offset || end > offset + pageSize || end < at) throw new Error(`a value from ${at} to ${end}`);
    if (slot > 0) said.push(sharedWithPrevious(pool, offset, slot));
    said.push(Buffer.from(key).toString("hex"), Buffer.from(pool.u8.slice(at, end)).toString("hex"));
  }
  for (const key of [...keys, low, high]) {
    if (!isBetweenFences(pool, offset, key, key.length)) continue;
    const slot = searchLeaf(pool, offset, key, key.length);
    if (slot >= slots || -slot - 1 > slots) throw new Error(`slot ${slot} of ${slots}`);
    said.push(slot);
  }
  return said.join();
}

it.each([512, 4096, 32768])(
  `pages of %i bytes (replay: ESPALIER_SEED=${SEED} npx vitest run test/fuzz/parsers.test.ts)`,
  (pageSize) => {
    const prng = new Prng(SEED);
    const pool = new PagePool(pageSize, 64 * Math.max(4096, pageSize), nobody, createMetrics().pager);
    const offset = 3 * pageSize;
    const keys = ["", "a", "abcdef", "key-", "key-cc", "zzz"].map((text) => Buffer.from(text));
    const corpus = seeds(pageSize);
    const seen = new Map<string, number>();
    const look = (page: Uint8Array, around: number): string => {
      pool.u8.fill(around, offset - 256, offset);
      pool.u8.set(page, offset);
      pool.u8.fill(around, offset + pageSize, offset + pageSize + 2048);
      const problem = checkPage(pool, offset);
      if (problem === undefined) return `sound ${readAll(pool, offset, keys)}`;
      return `${problem.invariant} ${problem.reason.replaceAll(/\d+/g, "N")}`;
    };
    const rounds = Math.ceil((ROUNDS * 512) / pageSize) + 2000;
    for (let round = 0; round < rounds; round++) {
      const isForged = round >= corpus.length && prng.chance(0.1);
      const page = isForged
        ? prng.pick(corpus).slice()
        : round < corpus.length
          ? (corpus[round] as Uint8Array)
          : mutated(prng, corpus);
      if (isForged) forged(prng, page);
      let outcome = "";
      try {
        outcome = look(page, 0xff);
        // What lies around the page must not matter.
        if (look(page, 0) !== outcome) throw new Error("it depends on what lies around it");
      } catch (error) {
        throw new Error(
          `round ${round}, ${error instanceof Error ? error.stack : error}\n${Buffer.from(page).toString("hex").slice(0, 2000)}`,
        );
      }
      const signature = outcome.startsWith("sound") ? `sound ${slotCount(pool, offset)}` : outcome;
      if (!seen.has(signature) && corpus.length < CORPUS_MAX) corpus.push(page);
      seen.set(signature, (seen.get(signature) ?? 0) + 1);
    }
    expect(seen.size).toBeGreaterThan(15);
    console.log(`pages of ${pageSize} bytes: ${rounds} pages, ${seen.size} outcomes`);
  },
  TIME_LIMIT_MS,
);

it(`headers and records (replay: ESPALIER_SEED=${SEED} npx vitest run test/fuzz/parsers.test.ts)`, () => {
  const prng = new Prng(SEED);
  const storeId = new Uint8Array(16).fill(9);
  const header = encodeStoreHeader({
    pageSize: 4096,
    storeId,
    sequence: 3,
    clean: true,
    log: undefined,
    compatibleFeatures: 0,
    readOnlyCompatibleFeatures: 0,
    incompatibleFeatures: 0,
    catalogRoot: 2,
    pageCount: 10,
    freeListHead: 0,
    lastGeneration: 4,
    commit: 5,
  });
  const segment = encodeSegmentHeader(storeId, { generation: 3, salt: 5, pageSize: 4096 });
  let decoded = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bad = mutated(prng, [header.slice(0, 512)]);
    headerVersion(bad);
    const found = decodeStoreHeader(bad);
    if (found !== undefined) {
      decoded++;
      expect(found.catalogRoot).toBeLessThan(found.pageCount);
    }
    const part = segment.slice();
    prng.fill(part, prng.below(64), 64);
    const same = Buffer.compare(part, segment) === 0;
    expect(decodeSegmentHeader(storeId, part) === undefined).toBe(!same);
    const record = new Uint8Array(prng.below(12));
    prng.fill(record, 0, record.length);
    const tree = decodeTreeRecord(record);
    if (tree !== undefined) expect(record.length).toBe(8);
  }
  expect(decoded).toBeGreaterThan(10);
});
