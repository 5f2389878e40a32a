/** Gets what can be read of a damaged legacy file, or of a half-converted one, into a new store. */

import { CorruptionError, EspalierError, NotAStoreError } from "../src/base/errors.js";
import { lostTreeNames } from "../src/commands/pages/salvage.js";
import { keyBytesMax } from "../src/page/limits.js";
import { isPageSize, PAGE_SIZE_MAX } from "../src/pager/store-header.js";
import { assertFree, takeName } from "../src/vfs/new-name.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import { removeScratch, scratchName } from "../src/vfs/scratch-name.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { assertFileOptions } from "./check-options.js";
import { inspectFile } from "./file-state.js";
import { salvageHalf } from "./in-place/half-salvage.js";
import { findStrayLeaves } from "./in-place/stray-leaves.js";
import { legacyBytes } from "./leftover.js";
import { hexOf } from "./legacy/big-endian.js";
import type { RecordBatch } from "./legacy/leaf.js";
import { type LegacyProblem, ProblemList } from "./legacy/problems.js";
import { BatchBuilder } from "./legacy/record-batch.js";
import { salvageLegacy } from "./legacy/salvage.js";
import { asidePath, logPath, lostPart } from "./legacy-log.js";
import type { FileOptions } from "./options.js";
import { namesOnTheWay } from "./other-names.js";
import { writeStoreFile } from "./store-file.js";

/** What was saved of a damaged file, and what was lost. */
export interface SalvageReport {
  readonly path: string;
  readonly out: string;
  readonly generation: string;
  readonly records: number;
  readonly trees: readonly { readonly name: string; readonly leaves: number; readonly unreached: number }[];
  /** Pages that could not be read, and all else that is wrong. */
  readonly lost: readonly LegacyProblem[];
  /** Values that gave way to another one under the same key. */
  readonly dropped: readonly LegacyProblem[];
}

type SalvageOptions = Pick<FileOptions, "vfs" | "assume" | "root" | "pageSize">;

/** What was found, whatever the file is. */
interface Found {
  readonly generation: string;
  readonly trees: readonly (SalvageReport["trees"][number] & {
    /** In the new store. */
    readonly storeName: string;
    readonly records: Iterable<RecordBatch>;
  })[];
  readonly lost: readonly LegacyProblem[];
  readonly dropped: readonly LegacyProblem[];
  readonly longestKey: number;
  readonly close: () => void;
}

const PAGE_SIZE_DEFAULT = 8192;
/** What files are called that are written beside. */
const SCRATCH = "salvage";

/**
 * Writes `out`, which must not exist; with a page size of its own choice, a record whose key no store has room for is
 * left out. Throws NotAStoreError, CorruptionError where there is nothing at all to begin with, ExistsError,
 * KeyTooLargeError, IoError, DiskFullError.
 */
export function salvageLegacyFile(path: string, out: string, options: SalvageOptions = {}): SalvageReport {
  assertFileOptions(options, ["vfs", "assume", "root", "pageSize"]);
  const vfs: Vfs = options.vfs ?? nodeVfs;
  assertFree(vfs, out);
  const left = new ProblemList();
  const found = halfConverted(vfs, path, options, left) ?? legacy(vfs, path, options, left);
  try {
    const records = write(vfs, path, out, found, options, left);
    const { generation, dropped } = found;
    const trees = found.trees.map(({ name, leaves, unreached }) => ({ name, leaves, unreached }));
    return { path, out, generation, records, trees, lost: [...found.lost, ...left.items], dropped };
  } finally {
    found.close();
  }
}

/** Undefined where it is none. */
function halfConverted(
  vfs: Vfs,
  given: string,
  options: SalvageOptions,
  left: ProblemList,
): Found | undefined {
  const path = vfs.canonical(given);
  try {
    const state = inspectFile(vfs, path);
    if (state.kind !== "migrating") return undefined;
    const { head } = state.program;
    const half = salvageHalf(vfs, path, state.program, state.slot);
    const trees = head.trees.map((tree) => ({
      name: tree.name,
      storeName: tree.name,
      leaves: tree.units[1] - tree.units[0],
      unreached: 0,
      records: half.batches(tree),
    }));
    const longestKey = keyBytesMax(head.direction === "forward" ? head.targetPageSize : head.sourcePageSize);
    const { lost, close } = half;
    return { generation: head.generation, trees, lost: lost.items, dropped: [], longestKey, close };
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    if (!(error instanceof CorruptionError) || error.invariant !== "M3") return undefined;
    left.add(
      "G2",
      -1,
      -1,
      `${error.reason}: what is found may be older, or of trees that are not told apart`,
    );
    return withoutJournal(vfs, given, options, left);
  }
}

/** Of a half-converted file whose journal is damaged: leaves of the legacy file, and those of the store by themselves. */
function withoutJournal(vfs: Vfs, given: string, options: SalvageOptions, left: ProblemList): Found {
  const file = vfs.open(vfs.canonical(given), "read");
  try {
    const { trees, longestKey } = findStrayLeaves(file, left);
    const found =
      trees.length === 0 ? legacy(vfs, given, options, left) : legacyIfAny(vfs, given, options, left);
    const names = lostTreeNames(found?.trees ?? []);
    const strays = trees.map(({ leaves, records }) => {
      const name = names.next().value;
      return { name, storeName: name, leaves, unreached: leaves, records };
    });
    return {
      generation: found?.generation ?? "unknown",
      trees: [...(found?.trees ?? []), ...strays],
      lost: found?.lost ?? [],
      dropped: found?.dropped ?? [],
      longestKey: Math.max(found?.longestKey ?? 0, longestKey),
      close: () => {
        found?.close();
        file.close();
      },
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Undefined where nothing of a legacy file is there any more. */
function legacyIfAny(vfs: Vfs, given: string, options: SalvageOptions, left: ProblemList): Found | undefined {
  try {
    return legacy(vfs, given, options, left);
  } catch (error) {
    if (error instanceof NotAStoreError) return undefined;
    throw error;
  }
}

function legacy(vfs: Vfs, given: string, options: SalvageOptions, left: ProblemList): Found {
  const path = vfs.canonical(given);
  const [log = null, ...others] = logsOf(vfs, given, path);
  for (const other of others) left.add("G8", -1, -1, `another log lies beside it and was not read: ${other}`);
  for (const place of logPlaces(vfs, given, path)) {
    const lost = lostPart(vfs, place);
    if (lost !== undefined) left.add("G8", -1, -1, `the log ${lost} is a link that leads nowhere`);
  }
  const fileBytes = endOf(vfs, path);
  const found = salvageLegacy(vfs, path, {
    logPath: log,
    ...(fileBytes !== undefined && { fileBytes }),
    ...(options.assume !== undefined && { assume: options.assume }),
    ...(options.root !== undefined && { root: options.root }),
  });
  const { generation, lost, dropped, longestKey, close } = found;
  const trees = found.trees.map((tree) => ({
    name: tree.name,
    storeName: found.trees.length === 1 ? "" : tree.name,
    leaves: tree.order.pages.length,
    unreached: tree.unreached,
    records: found.batches(tree),
  }));
  return { generation, trees, lost, dropped, longestKey, close };
}

/** Where the legacy file ends, if something else lies behind that and can be told. */
function endOf(vfs: Vfs, path: string): number | undefined {
  try {
    return legacyBytes(vfs, path);
  } catch (error) {
    if (error instanceof EspalierError) return undefined; // What is wrong with it is told by who reads it.
    throw error;
  }
}

/** Where logs of the file may lie. */
function logPlaces(vfs: Vfs, given: string, path: string): Set<string> {
  return new Set([logPath(path), ...namesOnTheWay(vfs, given).map(logPath), asidePath(path)]);
}

/** The logs that may be the file's: the one beside it first, what an interrupted migration has set aside last. */
function logsOf(vfs: Vfs, given: string, path: string): string[] {
  const logs: string[] = [];
  const seen = new Set<string>();
  for (const log of logPlaces(vfs, given, path)) {
    const stat = vfs.stat(log);
    if (stat === undefined || seen.has(stat.identity)) continue;
    seen.add(stat.identity);
    logs.push(log);
  }
  return logs;
}

/** The store gets its name when it is whole. Returns the number of records. */
function write(
  vfs: Vfs,
  path: string,
  out: string,
  found: Found,
  options: SalvageOptions,
  left: ProblemList,
): number {
  const asked = options.pageSize !== undefined && isPageSize(options.pageSize);
  const pageSize = asked ? options.pageSize! : pageSizeFor(found.longestKey);
  const limit = asked ? Number.POSITIVE_INFINITY : keyBytesMax(pageSize);
  const trees = found.trees.map(({ storeName, records }) => ({
    name: storeName,
    batches: found.longestKey > limit ? withoutLongKeys(records, limit, left) : records,
  }));
  removeScratch(vfs, out, SCRATCH);
  const temporary = scratchName(out, SCRATCH);
  const store = { pageSize, trees, legacy: undefined, like: { path, exactly: false } };
  try {
    const steps = writeStoreFile(vfs, temporary, store);
    for (;;) {
      const next = steps.next();
      if (next.done !== true) continue;
      takeName(vfs, temporary, out);
      vfs.syncFolderOf(out);
      return next.value.records;
    }
  } catch (error) {
    if (vfs.stat(temporary) !== undefined) vfs.unlink(temporary);
    throw error;
  }
}

/** The smallest page size, from the usual one on, that has room for such a key; else the largest there is. */
function pageSizeFor(keyBytes: number): number {
  let size = PAGE_SIZE_DEFAULT;
  while (size < PAGE_SIZE_MAX && keyBytesMax(size) < keyBytes) size *= 2;
  return size;
}

function* withoutLongKeys(
  batches: Iterable<RecordBatch>,
  limit: number,
  left: ProblemList,
): Generator<RecordBatch> {
  const builder = new BatchBuilder();
  for (const batch of batches) {
    for (let i = 0; i < batch.count; i++) {
      const [start, length] = [batch.keyStart[i]!, batch.keyLength[i]!];
      if (length > limit) {
        const key = hexOf(batch.keys.subarray(start, start + length));
        left.add("G4", -1, -1, `the key ${key} is longer than any store has room for`);
        continue;
      }
      if (builder.isFull) yield builder.take();
      builder.pushFrom(batch, i);
    }
  }
  yield builder.take();
}
