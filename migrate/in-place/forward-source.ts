/** The records of a legacy file that is being converted: from leaves that are not used up yet and from its log. */

import type { Vfs } from "../../src/vfs/vfs.js";
import type { RecordBatch } from "../legacy/leaf.js";
import { readLeaves } from "../legacy/leaf-stream.js";
import { type LegacyFile, openLegacy } from "../legacy/legacy-file.js";
import { readLog } from "../legacy/log.js";
import { decodeMeta } from "../legacy/meta.js";
import { asidePath, currentLogPath } from "../legacy-log.js";
import { RefusedError } from "../results.js";
import type { Program, ProgramTree } from "./program.js";

export interface RecordSource {
  /** Records of a tree from unit `unit` of its list on. */
  readonly records: (tree: ProgramTree, unit: number) => Iterable<RecordBatch>;
  readonly close: () => void;
}

/** The meta page as it lay in the file. */
export function savedMeta(program: Program): Uint8Array {
  const { head } = program;
  const pageSize = head.direction === "forward" ? head.sourcePageSize : head.targetPageSize;
  const page = new Uint8Array(pageSize);
  page.set(Buffer.from(head.meta, "base64").subarray(0, pageSize));
  return page;
}

/** Throws RefusedError where the log is not the one that the program was made with: pages in the file are older. */
export function forwardRecords(vfs: Vfs, path: string, program: Program): RecordSource {
  const file: LegacyFile = openLegacy(vfs, path, {
    pageZero: savedMeta(program),
    logPath: currentLogPath(vfs, path),
  });
  if (!isPlannedLog(file, program)) {
    file.close();
    throw logMissing(path, program);
  }
  const { units, overlaps } = program.tables;
  return {
    records: (tree, unit) => {
      const [from, to] = tree.units;
      const pages = units.subarray(from, to);
      const marks = overlaps.length === 0 ? {} : { overlaps: Uint8Array.from(overlaps.subarray(from, to)) };
      return readLeaves(file.pages, program.head.generation, { pages, ...marks }, { from: unit });
    },
    close: () => file.close(),
  };
}

/** Whether the log of a file that is being converted is as it was when the program was made. */
export function isPlannedLog(file: LegacyFile, { head }: Program): boolean {
  const { applied, lastLsn } = file.pages.log.summary;
  return applied === head.report.logFrames && lastLsn === head.legacy?.lastLsn;
}

/**
 * Whether the log that lies there holds what the program was made with, though more may have come to it: enough to give
 * the file back.
 */
export function hasPlannedLog(vfs: Vfs, path: string, program: Program): boolean {
  const { report, legacy } = program.head;
  if (report.logFrames === 0) return true;
  const log = readLog(vfs, currentLogPath(vfs, path), decodeMeta(savedMeta(program), path), {
    damaged: "cut",
  });
  log.close();
  const { applied, lastLsn } = log.summary;
  return applied >= report.logFrames && lastLsn >= (legacy?.lastLsn ?? 0);
}

/** What is said where the newest commits of a file that is being converted are not there. */
export function logMissing(path: string, program: Program): RefusedError {
  return new RefusedError(
    `its log of ${program.head.report.logFrames} frames, ${asidePath(path)}, is missing or not as it was when its migration began; put it back there`,
  );
}
