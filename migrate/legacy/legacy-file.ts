/**
 * Opens a legacy tree file for reading: meta page, log overlay, pages; the check and the record streams on
 * top. Neither the file nor its log is ever written.
 *
 *   const file = openLegacy(vfs, path);
 *   const survey = file.inspect();                       // or surveySteps() for progress
 *   if (survey.problems.length === 0)
 *     for (const { key, value } of file.records(survey, survey.trees[0])) ...
 *   file.close();
 */

import { CorruptionError, NotAStoreError, OptionError } from "../../src/base/errors.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { readU32 } from "./big-endian.js";
import { HEADER_PAGE_SIZE, MAGIC_PAGE, PAGE_HEADER_BYTES, PAGE_NUMBER_MAX, pageSizeFault } from "./layout.js";
import { type LeafBatch, readLeaves } from "./leaf-stream.js";
import { type LegacyLogOptions, readLog } from "./log.js";
import { decodeMeta, type LegacyMeta } from "./meta.js";
import { PageSeal } from "./page-check.js";
import { LegacyPages } from "./pages.js";
import {
  type LegacySurvey,
  type LegacyTreeSurvey,
  type SurveyOptions,
  type SurveyProgress,
  surveyPages,
} from "./survey.js";
import type { RecordWatch } from "./walk.js";

export interface OpenLegacyOptions extends SurveyOptions {
  readonly log?: LegacyLogOptions;
  /** Where the log is; `<path>-wal` by default, null for none. */
  readonly logPath?: string | null;
  /** An image of page 0 to be used instead of what lies in the file (a file whose migration has begun). */
  readonly pageZero?: Uint8Array;
  /** Where the file ends, if something else lies behind that. */
  readonly fileBytes?: number;
}

export interface LegacyRecord {
  /** A copy. */
  readonly key: Uint8Array;
  /** A copy. */
  readonly value: Uint8Array;
}

export class LegacyFile {
  readonly path: string;
  /** Page 0 with the log applied. */
  readonly meta: LegacyMeta;
  /** Page 0 as it lies in the file. */
  readonly fileMeta: LegacyMeta;
  readonly pages: LegacyPages;
  readonly fileBytes: number;
  readonly #options: SurveyOptions;

  constructor(
    path: string,
    fileBytes: number,
    fileMeta: LegacyMeta,
    pages: LegacyPages,
    options: SurveyOptions,
  ) {
    this.path = path;
    this.fileBytes = fileBytes;
    this.fileMeta = fileMeta;
    this.pages = pages;
    this.#options = options;
    this.meta = pages.log.has(0) ? decodeMeta(pages.raw(0), path) : fileMeta;
    if (this.meta.salt !== fileMeta.salt) {
      throw new CorruptionError("G8", "the log changes the salt of the file", { path, page: 0, offset: -1 });
    }
  }

  get pageSize(): number {
    return this.pages.pageSize;
  }

  /** The whole check, step by step; see survey.ts. */
  surveySteps(watch?: RecordWatch): Generator<SurveyProgress, LegacySurvey> {
    return surveyPages(this.pages, this.meta, this.fileBytes, this.#options, watch);
  }

  /** The whole check in one go: reads the file about twice. */
  inspect(): LegacySurvey {
    const steps = this.surveySteps();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  /**
   * Records of a surveyed tree in key order, without an object for each; a batch is valid until the next.
   * Throws CorruptionError.
   */
  batches(survey: LegacySurvey, tree: LegacyTreeSurvey): Generator<LeafBatch, void> {
    const generation = survey.generation === "unknown" ? "gen3" : survey.generation;
    return readLeaves(this.pages, generation, tree.order);
  }

  /** As `batches`, one record at a time, as copies that the caller keeps. */
  *records(survey: LegacySurvey, tree: LegacyTreeSurvey): Generator<LegacyRecord, void> {
    for (const batch of this.batches(survey, tree)) {
      for (let i = 0; i < batch.count; i++) {
        const { keyStart, keyLength, valueStart, valueLength } = batch;
        yield {
          key: batch.keys.slice(keyStart[i]!, keyStart[i]! + keyLength[i]!),
          value: batch.values.slice(valueStart[i]!, valueStart[i]! + valueLength[i]!),
        };
      }
    }
  }

  /** A copy of a page with the log applied, unchecked. */
  pageImage(page: number): Uint8Array {
    return this.pages.raw(page).slice();
  }

  close(): void {
    this.pages.close();
  }
}

/**
 * Opens `path` and reads its meta page and log. Throws NotAStoreError where it is no legacy tree file,
 * CorruptionError where page 0 or the log is damaged, OptionError for an impossible root, IoError.
 */
export function openLegacy(vfs: Vfs, path: string, options: OpenLegacyOptions = {}): LegacyFile {
  const root = options.root;
  if (root !== undefined && !(Number.isInteger(root) && root > 0 && root <= PAGE_NUMBER_MAX)) {
    throw new OptionError("root", `${root} is not a page number`);
  }
  const file = vfs.open(path, "read");
  try {
    const page = options.pageZero ?? readPageZero(file, path);
    const logPath = options.logPath === undefined ? `${path}-wal` : options.logPath;
    const fileMeta = decodeMeta(page, path);
    const log = readLog(vfs, logPath, fileMeta, options.log);
    try {
      const seal = new PageSeal(fileMeta.pageSize, fileMeta.salt);
      const pages = new LegacyPages(file, seal, log, options.pageZero, options.fileBytes);
      return new LegacyFile(path, options.fileBytes ?? file.size(), fileMeta, pages, options);
    } catch (error) {
      log.close();
      throw error;
    }
  } catch (error) {
    file.close();
    throw error;
  }
}

function readPageZero(file: VfsFile, path: string): Uint8Array {
  const head = new Uint8Array(PAGE_HEADER_BYTES);
  const length = readFully(file, head, 0, PAGE_HEADER_BYTES, 0);
  if (length < PAGE_HEADER_BYTES || readU32(head, 0) !== MAGIC_PAGE) {
    throw new NotAStoreError(
      path,
      "nor is it a legacy tree file, for its first page does not begin with SOMB",
    );
  }
  const pageSize = readU32(head, HEADER_PAGE_SIZE);
  const fault = pageSizeFault(pageSize);
  if (fault !== undefined)
    throw new CorruptionError("G2", fault, { path, page: 0, offset: HEADER_PAGE_SIZE });
  const page = new Uint8Array(pageSize);
  if (readFully(file, page, 0, pageSize, 0) < pageSize) {
    throw new CorruptionError("G2", "the file ends within its first page", { path, page: 0, offset: -1 });
  }
  return page;
}
