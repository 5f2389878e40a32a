/**
 * Writes what can be read of a damaged store to a new one. Every tree keeps its name and encodings; leaves
 * that no tree can claim go to the tree "lost_and_found", as bytes; where their ranges overlap, since they are of
 * several trees or times, to "lost_and_found_2" and so on, so that no record takes the place of another.
 */

import { chmodSync, statSync } from "node:fs";
import { afterFailure } from "../../base/after-failure.js";
import { compareBytes, EMPTY_BYTES } from "../../base/bytes.js";
import { removeStoreFiles } from "../../level/location.js";
import { highFence, isOverflow, keyOf, lowFence, slotCount, valueAt, valueLength } from "../../page/leaf.js";
import { readReference } from "../../page/overflow.js";
import { UNNAMED } from "../../store/catalog.js";
import { open } from "../../store/open.js";
import type { Store } from "../../store/store.js";
import { assertFree, takeName } from "../../vfs/new-name.js";
import { nodeVfs } from "../../vfs/node-vfs.js";
import { leftScratch, scratchName } from "../../vfs/scratch-name.js";
import { Session } from "../support/session.js";
import type { PageSource } from "./page-source.js";
import type { LeafPage, LostRange, StoreSurvey } from "./survey.js";

export const LOST_TREE = "lost_and_found";

/** A value whose bytes are damaged: its key is known, the record is not written. */
export interface LostValue {
  readonly key: Uint8Array;
  readonly page: number;
  readonly bytes: number;
}

export interface SalvagedTree {
  readonly name: string;
  readonly records: number;
  readonly lost: readonly LostRange[];
  readonly lostValues: readonly LostValue[];
}

export interface SalvageResult {
  readonly trees: readonly SalvagedTree[];
  readonly records: number;
}

const OWNER_READS_AND_WRITES = 0o600;
const BATCH_BYTES: number = 4 * 1024 * 1024;

/**
 * The store is made under another name and gets its own when it is whole: what an interrupted salvage leaves is not
 * taken for all that could be read. Throws ExistsError where `to` exists, and what the file system throws.
 */
export function salvageStore(
  source: PageSource,
  survey: StoreSurvey,
  to: string,
  onLeaf: (done: number, total: number) => void,
): SalvageResult {
  assertFree(nodeVfs, to);
  for (const left of leftScratch(nodeVfs, to, "salvage")) removeStoreFiles(nodeVfs, left);
  const temporary = scratchName(to, "salvage");
  try {
    makeEmptyLike(source.path, temporary);
    const result = writeStore(source, survey, temporary, onLeaf);
    takeName(nodeVfs, temporary, to);
    nodeVfs.syncFolderOf(to);
    return result;
  } catch (error) {
    afterFailure(() => removeStoreFiles(nodeVfs, temporary));
    throw error;
  }
}

/** A store takes the place of an empty file with its owner and permissions; it is written to, whether that one is or not. */
function makeEmptyLike(model: string, file: string): void {
  nodeVfs.open(file, "create", model).close();
  const mode = statSync(file).mode & 0o777;
  if ((mode & OWNER_READS_AND_WRITES) !== OWNER_READS_AND_WRITES)
    chmodSync(file, mode | OWNER_READS_AND_WRITES);
}

function writeStore(
  source: PageSource,
  survey: StoreSurvey,
  file: string,
  onLeaf: (done: number, total: number) => void,
): SalvageResult {
  const unnamed = survey.trees.find(({ name }) => name === UNNAMED)?.record;
  const { keyEncoding = "binary", valueEncoding = "binary" } = unnamed ?? {};
  const { pageSize } = source;
  using store = open<unknown, unknown>(file, { pageSize, keyEncoding, valueEncoding, durability: "none" });
  return new Writer(source, store, onLeaf).run(survey);
}

class Writer {
  readonly #source: PageSource;
  readonly #store: Store<unknown, unknown>;
  readonly #onLeaf: (done: number, total: number) => void;
  #done = 0;
  #total = 0;

  constructor(
    source: PageSource,
    store: Store<unknown, unknown>,
    onLeaf: (done: number, total: number) => void,
  ) {
    this.#source = source;
    this.#store = store;
    this.#onLeaf = onLeaf;
  }

  run(survey: StoreSurvey): SalvageResult {
    this.#total = survey.trees.reduce((sum, { leaves }) => sum + leaves.length, survey.stray.length);
    const trees = survey.trees.map(({ name, record, leaves, lost }) => {
      const { keyEncoding, valueEncoding } = record;
      if (name !== UNNAMED) this.#store.tree(name, { keyEncoding, valueEncoding });
      return this.#write(name, leaves, lost);
    });
    const names = lostTreeNames(survey.trees);
    for (const leaves of withoutOverlaps(survey.stray)) {
      const name = names.next().value;
      this.#store.tree(name, { keyEncoding: "binary", valueEncoding: "binary" });
      const pages = leaves.map(({ page }) => page);
      trees.push(this.#write(name, pages, []));
    }
    return { trees, records: trees.reduce((sum, { records }) => sum + records, 0) };
  }

  #write(name: string, leaves: readonly number[], found: readonly LostRange[]): SalvagedTree {
    const { pool } = this.#source;
    const { handle } = new Session(this.#store).tree(name === UNNAMED ? undefined : name);
    const lost = [...found];
    const lostValues: LostValue[] = [];
    let batch: [Uint8Array, Uint8Array][] = [];
    let bytes = 0;
    let end = EMPTY_BYTES;
    let bounded = lost.length;
    for (const page of leaves) {
      // It was sound when it was surveyed, but a disk may have another answer now: then all between its neighbours is lost.
      const problem = this.#source.load(page);
      if (problem !== undefined) lost.push({ page, low: end, high: EMPTY_BYTES, ...problem });
      else {
        end = highFence(pool, 0);
        for (; bounded < lost.length; bounded++)
          lost[bounded] = { ...lost[bounded]!, high: lowFence(pool, 0) };
      }
      for (const [key, value] of problem === undefined ? this.#records(lostValues) : []) {
        batch.push([key, value]);
        bytes += key.length + value.length;
        if (bytes < BATCH_BYTES) continue;
        handle.putMany(batch);
        batch = [];
        bytes = 0;
      }
      this.#onLeaf(++this.#done, this.#total);
    }
    handle.putMany(batch);
    return { name, records: handle.count(), lost, lostValues };
  }

  /** Records of the leaf that is loaded; those whose value is damaged go to `lostValues`. */
  #records(lostValues: LostValue[]): [Uint8Array, Uint8Array][] {
    const { pool } = this.#source;
    const records: [Uint8Array, Uint8Array][] = [];
    const slots = slotCount(pool, 0);
    const low = lowFence(pool, 0);
    const high = highFence(pool, 0);
    for (let i = 0; i < slots; i++) {
      const key = keyOf(pool, 0, i);
      if (compareBytes(key, low) < 0 || (high.length > 0 && compareBytes(key, high) >= 0)) continue;
      const at = valueAt(pool, 0, i);
      if (!isOverflow(pool, 0, i)) {
        records.push([key, pool.u8.slice(at, at + valueLength(pool, 0, i))]);
        continue;
      }
      const reference = readReference(pool.u8, at);
      const value = this.#source.run(reference);
      if (value === undefined) lostValues.push({ key, page: reference.page, bytes: reference.length });
      else records.push([key, value]);
    }
    return records;
  }
}

/** Names that no tree of the damaged store has: it may be a salvaged one itself. */
export function* lostTreeNames(trees: readonly { readonly name: string }[]): Generator<string, never> {
  const taken = new Set(trees.map(({ name }) => name));
  for (let i = 1; ; i++) {
    const name = i === 1 ? LOST_TREE : `${LOST_TREE}_${i}`;
    if (!taken.has(name)) yield name;
  }
}

/** Leaves in groups whose ranges do not overlap; neighbours, as the leaves of one tree are, stay together. */
export function withoutOverlaps(leaves: readonly LeafPage[]): LeafPage[][] {
  const groups: LeafPage[][] = [];
  for (const leaf of leaves.toSorted((a, b) => compareBytes(a.low, b.low))) {
    const order = (group: LeafPage[]): number => {
      const { high } = group[group.length - 1]!;
      return high.length === 0 ? 1 : compareBytes(high, leaf.low);
    };
    const group = groups.find((each) => order(each) === 0) ?? groups.find((each) => order(each) < 0);
    if (group === undefined) groups.push([leaf]);
    else group.push(leaf);
  }
  return groups;
}
