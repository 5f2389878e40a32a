/**
 * The check of a legacy file and all that can be said against converting it, before anything is touched: what
 * `plan` shows and `run` begins with.
 */

import { CorruptionError, EspalierError } from "../src/base/errors.js";
import { keyBytesMax } from "../src/page/limits.js";
import { isPageSize, PAGE_SIZE_MAX, PAGE_SIZE_MIN } from "../src/pager/store-header.js";
import type { Vfs } from "../src/vfs/vfs.js";
import type { WorkStep } from "./control.js";
import { combinedDigest } from "./digests.js";
import { type SizedStore, sizeStore, type WalkSizer } from "./in-place/forward-plan.js";
import type { LegacyFile } from "./legacy/legacy-file.js";
import { openLegacy } from "./legacy/legacy-file.js";
import { CARRIED_BYTES_MAX, type LegacySurvey } from "./legacy/survey.js";
import type { RecordWatch } from "./legacy/walk.js";
import { assertOneLog, currentLogPath } from "./legacy-log.js";
import type { FileOptions } from "./options.js";
import { type FileResult, RefusedError } from "./results.js";

/** The page size of the new store. Throws RefusedError. */
export function targetPageSize(survey: LegacySurvey, options: FileOptions): number {
  if (options.pageSize !== undefined) {
    if (!isPageSize(options.pageSize))
      throw new RefusedError(
        `--page-size ${options.pageSize}: a store has 512, 1024, … or 32768 bytes a page`,
      );
    return options.pageSize;
  }
  if (isPageSize(survey.pageSize)) return survey.pageSize;
  throw new RefusedError(
    `its page size of ${survey.pageSize} is not one that a store can have; choose one with --page-size`,
  );
}

/**
 * Opens the file with its log, wherever that lies now; `fileBytes` as in OpenLegacyOptions. Throws RefusedError where two
 * logs are there.
 */
export function openForCheck(vfs: Vfs, path: string, options: FileOptions, fileBytes?: number): LegacyFile {
  assertOneLog(vfs, path);
  return openLegacy(vfs, path, {
    logPath: currentLogPath(vfs, path),
    ...(fileBytes !== undefined && { fileBytes }),
    ...(options.assume !== undefined && { assume: options.assume }),
    ...(options.root !== undefined && { root: options.root }),
  });
}

/**
 * Checks the whole file and puts what it found into the result; `watch` is told of the records on the way.
 * Throws IoError, and what the watch throws.
 */
export function* checkSteps(
  file: LegacyFile,
  result: FileResult,
  watch?: RecordWatch,
): Generator<WorkStep, LegacySurvey> {
  const steps = file.surveySteps(watch);
  const pageSize = file.meta.pageSize;
  for (;;) {
    const next = steps.next();
    if (next.done === true) {
      fillFrom(next.value, result);
      return next.value;
    }
    const { phase, pages } = next.value;
    const share = phase === "scan" ? 0 : 0.5;
    yield {
      phase: "check",
      bytesDone: Math.floor(share * file.fileBytes + Math.min(pages * pageSize, file.fileBytes) / 2),
      bytesTotal: file.fileBytes,
      recordsDone: 0,
      bytesMoved: 256 * pageSize,
    };
  }
}

export function fillFrom(survey: LegacySurvey, result: FileResult): void {
  result.from = survey.generation === "unknown" ? null : survey.generation;
  result.recognisedBy = survey.recognisedBy;
  result.logFrames = survey.log.applied;
  result.pages.before = survey.filePages;
  result.bytes.before = survey.fileBytes;
  result.healed = survey.trees.flatMap((tree) =>
    tree.healed.map((line) => (survey.trees.length === 1 ? line : `${tree.name}: ${line}`)),
  );
  if (survey.trees.every((tree) => tree.content !== undefined)) {
    result.records = survey.trees.reduce((sum, tree) => sum + tree.content!.records, 0);
    result.digest.before = digestOf(survey);
  }
}

/** The digest of the only tree, or of the digests of several in the order of their names. */
function digestOf(survey: LegacySurvey): string {
  return combinedDigest(survey.trees.map((tree) => ({ name: tree.name, digest: tree.content!.digest })));
}

/** Every reason against a conversion that the check gave; empty where there is none. */
export function reasonsAgainst(survey: LegacySurvey): string[] {
  const reasons = survey.problems.map((each) => {
    const where = each.page >= 0 ? `page ${each.page}: ` : "";
    return `${where}${each.reason} (${each.invariant})`;
  });
  if (survey.problemCount > reasons.length) reasons.push(`and ${survey.problemCount - reasons.length} more`);
  if (survey.carried.length > survey.carriedImages.length) {
    reasons.push(
      `${survey.carried.length} pages of kind 5 or 6 may be referred to from inside values; no more than ${CARRIED_BYTES_MAX} bytes of them can be carried along`,
    );
  }
  return reasons;
}

/** What a person can decide by an option is refused; everything else is damage. */
const AMBIGUOUS: ReadonlySet<string> = new Set(["G9", "G11"]);
const REASONS_SHOWN = 20;

/** Damage whatever a page is read as: wrong checksums, a meta page and a log that make no sense. */
const OF_ANY_READING: ReadonlySet<string> = new Set(["G1", "G2", "G8"]);

/** Throws CorruptionError or RefusedError with all that is against a conversion. */
export function assertConvertible(path: string, survey: LegacySurvey, options: FileOptions): void {
  const reasons = reasonsAgainst(survey);
  if (reasons.length === 0) return;
  const damage = survey.problems.find((each) => !AMBIGUOUS.has(each.invariant));
  if (damage === undefined) throw new RefusedError(reasons.slice(0, REASONS_SHOWN).join("; "));
  const { assume, root } = options;
  if (
    (assume !== undefined || root !== undefined) &&
    !survey.problems.some((each) => OF_ANY_READING.has(each.invariant))
  ) {
    const given = [
      assume === undefined ? "" : `--assume ${assume}`,
      root === undefined ? "" : `--root ${root}`,
    ];
    throw new RefusedError(
      `read with ${given.filter((each) => each !== "").join(" and ")} it makes no sense: ${reasons.slice(0, REASONS_SHOWN).join("; ")}`,
    );
  }
  const more = reasons.length === 1 ? "" : `; in all: ${reasons.slice(0, REASONS_SHOWN).join("; ")}`;
  throw new CorruptionError(damage.invariant, `${damage.reason}${more}`, {
    path,
    page: damage.page,
    offset: damage.offset,
  });
}

/** The page size that the new store will have where it can have it, known before the check. */
export function likelyPageSize(file: LegacyFile, options: FileOptions): number | undefined {
  const pageSize = options.pageSize ?? file.pageSize;
  return isPageSize(pageSize) ? pageSize : undefined;
}

/** Sizes the store where the check has not done so on its way. Throws RefusedError where a key is too long for the page size, with the one that would do. */
export function* sizeSteps(
  file: LegacyFile,
  survey: LegacySurvey,
  pageSize: number,
  sizer: WalkSizer | undefined,
): Generator<WorkStep, SizedStore> {
  const known = sizer?.finish(survey);
  if (known !== undefined) return known;
  const steps = sizeStore(file, survey, pageSize);
  const leaves = Math.max(
    1,
    survey.trees.reduce((sum, tree) => sum + tree.order.pages.length, 0),
  );
  try {
    for (let told = 0; ; ) {
      const next = steps.next();
      if (next.done === true) return next.value;
      if (next.value - told < 256) continue;
      const moved = (next.value - told) * survey.pageSize;
      told = next.value;
      yield {
        phase: "check",
        bytesDone: Math.floor((survey.fileBytes * told) / leaves),
        bytesTotal: survey.fileBytes,
        recordsDone: 0,
        bytesMoved: moved,
      };
    }
  } catch (error) {
    throw tooLarge(error, survey);
  }
}

/** Of a key that is too long for the page size: an error that says which one would do. */
export function tooLarge(error: unknown, survey: LegacySurvey): unknown {
  if (!(error instanceof EspalierError) || error.code !== "ERR_ESPALIER_KEY_TOO_LARGE") return error;
  return new RefusedError(`${error.message}; ${sizeFor(survey)}`);
}

/** The smallest page size whose keys are long enough, where there is one, and how to choose it. */
function sizeFor(survey: LegacySurvey): string {
  const longest = Math.max(0, ...survey.trees.map((tree) => tree.content?.keyBytes.max ?? 0));
  for (let size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) {
    if (keyBytesMax(size) >= longest) return `choose a larger one with --page-size ${size}`;
  }
  return `no page size has room for a key of ${longest} bytes`;
}
