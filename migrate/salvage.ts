/** Gets what can be read of a damaged legacy file into a new store. */

import { ExistsError } from "../src/base/errors.js";
import { isPageSize } from "../src/pager/store-header.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import type { Vfs } from "../src/vfs/vfs.js";
import type { LegacyProblem } from "./legacy/problems.js";
import { salvageLegacy } from "./legacy/salvage.js";
import { currentLogPath } from "./legacy-log.js";
import type { FileOptions } from "./options.js";
import { writeStoreFile } from "./store-file.js";

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

const PAGE_SIZE_DEFAULT = 8192;

/**
 * Writes `out`, which must not exist. Throws NotAStoreError, CorruptionError where there is nothing at all to
 * begin with, ExistsError, KeyTooLargeError, IoError, DiskFullError.
 */
export function salvageLegacyFile(
  path: string,
  out: string,
  options: Pick<FileOptions, "vfs" | "assume" | "root" | "pageSize"> = {},
): SalvageReport {
  const vfs: Vfs = options.vfs ?? nodeVfs;
  if (vfs.stat(out) !== undefined) throw new ExistsError(out);
  const found = salvageLegacy(vfs, path, {
    logPath: currentLogPath(vfs, path),
    ...(options.assume !== undefined && { assume: options.assume }),
    ...(options.root !== undefined && { root: options.root }),
  });
  try {
    const trees = found.trees.map((tree) => ({
      name: found.trees.length === 1 ? "" : tree.name,
      batches: found.batches(tree),
    }));
    const steps = writeStoreFile(vfs, out, {
      pageSize: pageSizeOf(options.pageSize),
      trees,
      legacy: undefined,
    });
    for (;;) {
      const next = steps.next();
      if (next.done !== true) continue;
      vfs.syncFolderOf(out);
      return {
        path,
        out,
        generation: found.generation,
        records: next.value.records,
        trees: found.trees.map(({ name, order, unreached }) => ({
          name,
          leaves: order.pages.length,
          unreached,
        })),
        lost: found.lost,
        dropped: found.dropped,
      };
    }
  } catch (error) {
    if (vfs.stat(out) !== undefined) vfs.unlink(out);
    throw error;
  } finally {
    found.close();
  }
}

function pageSizeOf(asked: number | undefined): number {
  return asked !== undefined && isPageSize(asked) ? asked : PAGE_SIZE_DEFAULT;
}
