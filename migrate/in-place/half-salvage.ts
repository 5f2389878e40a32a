/**
 * Gets what can be read out of a file that is half converted, in either direction: records from the leaves that are made
 * already and from those that they are made of, as far as these are sound. What is in both is in both alike, for nobody
 * changes the file meanwhile, so that a damaged leaf of one side may still be whole on the other.
 */

import { CorruptionError } from "../../src/base/errors.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { KIND_LEAF } from "../legacy/layout.js";
import { LeafDecoder, type RecordBatch } from "../legacy/leaf.js";
import { orderLeaves } from "../legacy/leaf-order.js";
import { readLeaves } from "../legacy/leaf-stream.js";
import { type LegacyFile, type OpenLegacyOptions, openLegacy } from "../legacy/legacy-file.js";
import { headerSalt, PageSeal } from "../legacy/page-check.js";
import { PageList } from "../legacy/page-set.js";
import { ProblemList } from "../legacy/problems.js";
import { BatchBuilder } from "../legacy/record-batch.js";
import { mergeRecords } from "../legacy/record-merge.js";
import { currentLogPath } from "../legacy-log.js";
import { StoreLeafDecoder } from "../store-leaf.js";
import { StorePages } from "../store-pages.js";
import { movedPages, storeIdOf } from "./forward.js";
import { isPlannedLog, logMissing, savedMeta } from "./forward-source.js";
import { BATCH_WORDS, type Program, type ProgramTree } from "./program.js";
import type { SlotState } from "./slot.js";

const NONE: Uint8Array = new Uint8Array(0);

export interface HalfSalvage {
  /** Records of a tree in key order, each key once. */
  readonly batches: (tree: ProgramTree) => Generator<RecordBatch, void>;
  /** What is damaged, and what is missing for it; grows while batches are read. */
  readonly lost: ProblemList;
  readonly close: () => void;
}

/** To be closed by the caller. Reads about everything in the file once. Throws IoError. */
export function salvageHalf(vfs: Vfs, path: string, program: Program, slot: SlotState): HalfSalvage {
  const lost = new ProblemList();
  const file = vfs.open(path, "read");
  const needed = neededOf(program, slot);
  const source = program.head.direction === "forward" ? openSource(vfs, path, program, lost) : undefined;
  const tellOlder = (): void => {
    if (source !== undefined && !isPlannedLog(source, program))
      lost.add("G8", -1, -1, `${logMissing(path, program).message}; records may be older ones`);
  };
  if (slot.phase <= 1) tellOlder();
  const { units, leafPages } = program.tables;
  const { direction, sourcePageSize, targetPageSize } = program.head;
  const storePageSize = direction === "forward" ? targetPageSize : sourcePageSize;
  // Until all moves are done, the temporary places are as they were.
  const moved = new Map(slot.phase <= 2 ? movedPages(program) : []);
  return {
    *batches(tree) {
      const old = { pages: units, range: tree.units, needed: (index: number) => index >= needed.unit };
      const made = { pages: leafPages, range: tree.leaves, needed: (index: number) => index < needed.leaf };
      const places = source === undefined ? new Map() : moved;
      const pages = new StorePages(file, storePageSize, storeIdOf(program), places);
      const [first, second] =
        source === undefined
          ? [madeLegacyLeaves(file, program, made, moved, lost), storeLeaves(pages, old, lost)]
          : [storeLeaves(pages, made, lost), sourceLeaves(source, program, old, lost)];
      let records = 0;
      const before = lost.count;
      for (const batch of mergeRecords(first, second)) {
        records += batch.count;
        yield batch;
      }
      // All leaves are made, but older ones may have stood in for those that are damaged.
      if (slot.phase > 1 && lost.count > before) tellOlder();
      if (records === tree.records) return;
      const name = tree.name === "" ? "" : ` of the tree "${tree.name}"`;
      lost.add("G4", -1, -1, `${records} of ${tree.records} records${name} were found`);
    },
    lost,
    close: () => {
      source?.close();
      file.close();
    },
  };
}

/** Leaves of one side of a tree, and which of them nothing stands in for. */
export interface Leaves {
  readonly pages: Uint32Array;
  readonly range: readonly [number, number];
  readonly needed: (index: number) => boolean;
}

/** The first source leaf that is not used up, and the first target leaf that is not made for certain. */
function neededOf({ tables }: Program, { phase, batches }: SlotState): { unit: number; leaf: number } {
  if (phase > 1) return { unit: Number.POSITIVE_INFINITY, leaf: Number.POSITIVE_INFINITY };
  if (batches === 0) return { unit: 0, leaf: 0 };
  const at = (batches - 1) * BATCH_WORDS;
  return { unit: tables.batches[at + 2] ?? 0, leaf: tables.batches[at] ?? 0 };
}

/** The legacy file under the fence, with what there is of its log. */
function openSource(vfs: Vfs, path: string, program: Program, lost: ProblemList): LegacyFile {
  const options: OpenLegacyOptions = { pageZero: savedMeta(program), log: { damaged: "cut" } };
  try {
    return openLegacy(vfs, path, { ...options, logPath: currentLogPath(vfs, path) });
  } catch (error) {
    lost.addError(error);
    return openLegacy(vfs, path, { ...options, logPath: null });
  }
}

/** Legacy leaves in the order of their keys, whatever the file's own order was. */
function* sourceLeaves(
  file: LegacyFile,
  program: Program,
  leaves: Leaves,
  lost: ProblemList,
): Generator<RecordBatch> {
  const { generation } = program.head;
  const leaf = new LeafDecoder(file.path);
  const sound = new PageList();
  for (const [page, needed] of pagesOf(leaves)) {
    const records = unlessDamaged(needed ? lost : undefined, () => {
      leaf.decode(file.pages.ofKind(page, KIND_LEAF), page, generation);
      return leaf.count;
    });
    if (records !== undefined && records > 0) sound.push(page);
  }
  const steps = orderLeaves(file.pages, generation, sound);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  yield* readLeaves(file.pages, generation, step.value.order, { choose: () => false });
}

/** Leaves of a store in the order given, as far as they and their long values are sound. */
export function* storeLeaves(pages: StorePages, leaves: Leaves, lost: ProblemList): Generator<RecordBatch> {
  const leaf = new StoreLeafDecoder(pages.path, pages.pageSize);
  for (const [page, needed] of pagesOf(leaves)) {
    const told = needed ? lost : undefined;
    const damaged = new Set<number>();
    const found = unlessDamaged(told, () => {
      leaf.decode(pages.page(page), page, (reference, _page, slot) => {
        const value = unlessDamaged(told, () => pages.run(reference, page));
        if (value === undefined) damaged.add(slot);
        return value ?? NONE;
      });
      return leaf;
    });
    if (found === undefined) continue;
    if (damaged.size === 0) yield found;
    else yield* without(found, damaged);
  }
}

/**
 * Legacy leaves that a rollback has made for certain: where one is still to be made, a leaf of the legacy file that the
 * store was may lie, whose records are older.
 */
function* madeLegacyLeaves(
  file: VfsFile,
  program: Program,
  leaves: Leaves,
  moved: ReadonlyMap<number, number>,
  lost: ProblemList,
): Generator<RecordBatch> {
  const { targetPageSize, generation } = program.head;
  const seal = new PageSeal(targetPageSize, headerSalt(savedMeta(program)));
  const leaf = new LeafDecoder(file.path);
  const bytes = new Uint8Array(targetPageSize);
  for (const [page, needed] of pagesOf(leaves)) {
    if (!needed) return;
    const found = unlessDamaged(lost, () => {
      bytes.fill(0);
      readFully(file, bytes, 0, targetPageSize, (moved.get(page) ?? page) * targetPageSize);
      const fault = seal.fault(bytes, page);
      if (fault !== undefined) throw new CorruptionError("G1", fault, { path: file.path, page, offset: -1 });
      leaf.decode(bytes, page, generation);
      return leaf;
    });
    if (found !== undefined) yield found;
  }
}

function* pagesOf({ pages, range, needed }: Leaves): Generator<[page: number, needed: boolean]> {
  for (let index = range[0]; index < range[1]; index++) yield [pages[index]!, needed(index)];
}

/** What is read, where it is not damaged; else undefined, and told. */
function unlessDamaged<T>(told: ProblemList | undefined, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    told?.addError(error);
    return undefined;
  }
}

/** The records of a batch but for some. */
function* without(batch: RecordBatch, slots: ReadonlySet<number>): Generator<RecordBatch> {
  const rest = new BatchBuilder();
  for (let i = 0; i < batch.count; i++) {
    if (slots.has(i)) continue;
    if (rest.isFull) yield rest.take();
    rest.pushFrom(batch, i);
  }
  if (rest.count > 0) yield rest.take();
}
