/**
 * Works out the exact layout of a legacy tree before a byte of it is written: how many records each leaf
 * takes and how many children each branch, full-key fences included. The rule is greedy: a page takes what
 * fits, where "fits" counts its own fences, and the high fence is the first key of whatever comes next.
 *
 * Memory: eight bytes a page.
 */

import { EncodingError, KeyTooLargeError, OptionError, ValueTooLargeError } from "../../src/base/errors.js";
import { varintBytes } from "./big-endian.js";
import {
  BRANCH_RECORD_BYTES,
  type LegacyGeneration,
  PAGE_HEADER_BYTES,
  slotBytes,
  TREE_HEADER_BYTES,
} from "./layout.js";
import { PREFIX_HEADER_BYTES, type RecordBatch } from "./leaf.js";
import { PageList } from "./page-set.js";

export interface BulkPlan {
  readonly generation: LegacyGeneration;
  readonly pageSize: number;
  readonly records: number;
  /** For each level from the leaves up: how many records or children each page takes. The last has one page. */
  readonly levels: readonly Uint32Array[];
  /** Pages of all levels. */
  readonly pages: number;
}

/**
 * A branch with one child is legal to read, but the original makes none; here only a last branch can get one,
 * where keys are so long that two children fill the branch before it.
 */
const CHILDREN_MIN = 2;

/** Bytes of a leaf record, without its slot. `shared` is what the key shares with its base (gen1 only). */
export function leafRecordBytes(
  generation: LegacyGeneration,
  keyBytes: number,
  valueBytes: number,
  shared: number,
): number {
  if (generation === "gen1") return PREFIX_HEADER_BYTES + keyBytes - shared + valueBytes;
  return varintBytes(keyBytes) + varintBytes(valueBytes) + keyBytes + valueBytes;
}

/** Keys up to this length always fit: two children in a branch with both fences. Longer ones may. */
export function legacyKeyBytesMax(generation: LegacyGeneration, pageSize: number): number {
  const room = pageSize - PAGE_HEADER_BYTES - TREE_HEADER_BYTES;
  return Math.floor(
    (room - CHILDREN_MIN * (BRANCH_RECORD_BYTES + slotBytes(generation))) / (2 + CHILDREN_MIN),
  );
}

export class BulkPlanner {
  readonly #generation: LegacyGeneration;
  readonly #pageSize: number;
  readonly #slot: number;
  readonly #keyBytesMax: number;
  readonly #leaves: Packer;
  #records = 0;
  #lastKey: Uint8Array = new Uint8Array(64);
  #lastKeyBytes = -1;

  constructor(generation: LegacyGeneration, pageSize: number) {
    this.#generation = generation;
    this.#pageSize = pageSize;
    this.#slot = slotBytes(generation);
    this.#keyBytesMax = legacyKeyBytesMax(generation, pageSize);
    this.#leaves = new Packer(pageSize - PAGE_HEADER_BYTES, 1, this.#keyBytesMax);
  }

  /**
   * Takes records that follow, in ascending order of keys, those taken before. Throws OptionError where they
   * do not ascend, EncodingError for an empty key (gen2 and gen3 have none), and KeyTooLargeError or
   * ValueTooLargeError for a record that no leaf of this page size holds.
   */
  add(batch: RecordBatch): void {
    const { count, keys, keyStart, keyLength, valueLength } = batch;
    for (let i = 0; i < count; i++) {
      const start = keyStart[i]!;
      const keyBytes = keyLength[i]!;
      const valueBytes = valueLength[i]!;
      const shared = this.#sharedWithLast(keys, start, keyBytes);
      if (keyBytes === 0 && this.#generation !== "gen1") {
        throw new EncodingError(`${this.#generation} files can't hold the empty key`);
      }
      const first = leafRecordBytes(this.#generation, keyBytes, valueBytes, keyBytes) + this.#slot;
      const later = leafRecordBytes(this.#generation, keyBytes, valueBytes, shared) + this.#slot;
      this.#leaves.add(keyBytes, first, later, valueBytes);
      this.#remember(keys, start, keyBytes);
    }
    this.#records += count;
  }

  /** To be called once. Throws as `add` does. */
  finish(): BulkPlan {
    const levels: Uint32Array[] = [];
    let packer = this.#leaves;
    packer.finish();
    for (;;) {
      const counts = packer.counts.toArray();
      levels.push(counts);
      if (counts.length <= 1) break;
      packer = this.#packBranches(packer);
    }
    if (levels[0]!.length === 0) levels[0] = new Uint32Array(1);
    return {
      generation: this.#generation,
      pageSize: this.#pageSize,
      records: this.#records,
      levels,
      pages: levels.reduce((sum, level) => sum + level.length, 0),
    };
  }

  #packBranches(below: Packer): Packer {
    const packer = new Packer(this.#pageSize - PAGE_HEADER_BYTES, CHILDREN_MIN, this.#keyBytesMax);
    for (let i = 0; i < below.counts.length; i++) {
      const keyBytes = below.firstKeyBytes.at(i);
      const entry = BRANCH_RECORD_BYTES + keyBytes + this.#slot;
      packer.add(keyBytes, entry, entry, 0);
    }
    packer.finish();
    return packer;
  }

  #sharedWithLast(keys: Uint8Array, start: number, length: number): number {
    const last = this.#lastKey;
    const limit = Math.min(this.#lastKeyBytes, length);
    let same = 0;
    while (same < limit && keys[start + same] === last[same]) same++;
    if (this.#lastKeyBytes < 0) return 0;
    const ascends = same < limit ? keys[start + same]! > last[same]! : length > this.#lastKeyBytes;
    if (!ascends) throw new OptionError("records", `record ${this.#records} is not above the one before it`);
    return same;
  }

  #remember(keys: Uint8Array, start: number, length: number): void {
    if (this.#lastKey.length < length) this.#lastKey = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#lastKey[i] = keys[start + i]!;
    this.#lastKeyBytes = length;
  }
}

/** Plans the pages of one tree over records that can be read again for writing. Throws as BulkPlanner does. */
export function planBulk(
  generation: LegacyGeneration,
  pageSize: number,
  batches: Iterable<RecordBatch>,
): BulkPlan {
  const planner = new BulkPlanner(generation, pageSize);
  for (const batch of batches) planner.add(batch);
  return planner.finish();
}

/**
 * Distributes the items of one level over pages, by lengths alone. An item is decided when the next one is
 * known, since that one's key is the high fence of a page which ends here.
 */
class Packer {
  /** Items in each finished page. */
  readonly counts: PageList = new PageList();
  /** Key bytes of the first item in each finished page. */
  readonly firstKeyBytes: PageList = new PageList();
  readonly #room: number;
  readonly #itemsMin: number;
  readonly #keyBytesMax: number;
  #items = 0;
  #lowBytes = 0;
  #itemBytes = 0;
  /** Key bytes of the last item of the page before this one, and of the last item of this one. */
  #tailBefore = 0;
  #tail = 0;
  #pendingKey = -1;
  #pendingFirst = 0;
  #pendingLater = 0;
  #pendingValue = 0;

  constructor(bodyBytes: number, itemsMin: number, keyBytesMax: number) {
    this.#room = bodyBytes - TREE_HEADER_BYTES;
    this.#itemsMin = itemsMin;
    this.#keyBytesMax = keyBytesMax;
  }

  /** `first` and `later` are the item's bytes, slot included, where it opens a page and elsewhere. */
  add(keyBytes: number, first: number, later: number, valueBytes: number): void {
    if (this.#pendingKey >= 0) this.#settle(keyBytes);
    this.#pendingKey = keyBytes;
    this.#pendingFirst = first;
    this.#pendingLater = later;
    this.#pendingValue = valueBytes;
  }

  finish(): void {
    if (this.#pendingKey < 0) return;
    this.#settle(0);
    this.#fillLastPage();
    this.#close();
  }

  /** Puts the pending item on this page or a new one; `highBytes` is the length of the key after it. */
  #settle(highBytes: number): void {
    const fits = this.#lowBytes + this.#itemBytes + this.#pendingLater + highBytes <= this.#room;
    if (this.#items > 0 && (fits || this.#items < this.#itemsMin)) {
      if (!fits) throw new KeyTooLargeError(this.#pendingKey, this.#keyBytesMax);
      this.#itemBytes += this.#pendingLater;
    } else {
      if (this.#items > 0) this.#close();
      this.#lowBytes = this.#pendingKey;
      this.#itemBytes = this.#pendingFirst;
      const excess = this.#lowBytes + this.#itemBytes + highBytes - this.#room;
      if (excess > 0) throw this.#tooLarge(excess);
    }
    this.#items++;
    this.#tail = this.#pendingKey;
  }

  /** A last page with too few items takes one from the page before it, if that can spare it. */
  #fillLastPage(): void {
    const before = this.counts.length - 1;
    if (this.#items >= this.#itemsMin || before < 0 || this.counts.at(before) <= this.#itemsMin) return;
    const moved = this.#itemBytes - this.#lowBytes + this.#tailBefore;
    if (this.#tailBefore + moved + this.#itemBytes > this.#room) return;
    this.counts.set(before, this.counts.at(before) - 1);
    this.#lowBytes = this.#tailBefore;
    this.#items++;
  }

  #close(): void {
    this.counts.push(this.#items);
    this.firstKeyBytes.push(this.#lowBytes);
    this.#items = 0;
    this.#tailBefore = this.#tail;
  }

  #tooLarge(excess: number): KeyTooLargeError | ValueTooLargeError {
    const limit = this.#pendingValue - excess;
    if (limit >= 0) return new ValueTooLargeError(this.#pendingValue, limit);
    return new KeyTooLargeError(this.#pendingKey, this.#keyBytesMax);
  }
}
