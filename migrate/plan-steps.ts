/** `plan` on one file: what it is, what it would become, what stands against it. Changes nothing. */

import { alignUp } from "../src/base/bytes.js";
import { EspalierError } from "../src/base/errors.js";
import { BLOCK_BYTES } from "../src/log/log-format.js";
import { inlineRecordBytesMax, KEY_VARINT_BYTES_MAX } from "../src/page/limits.js";
import { PAGE_SIZE_MAX } from "../src/pager/store-header.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { assertNothingForeign } from "./beside.js";
import {
  checkSteps,
  fillFrom,
  likelyPageSize,
  openForCheck,
  reasonsAgainst,
  sizeSteps,
  targetPageSize,
} from "./check-file.js";
import type { WorkStep } from "./control.js";
import { assertNoNewerLog } from "./file-job.js";
import { type FileState, inspectFile } from "./file-state.js";
import { firstSectorOf } from "./in-place/fence.js";
import { type SizedStore, WalkSizer } from "./in-place/forward-plan.js";
import { hasPlannedLog, logMissing } from "./in-place/forward-source.js";
import { growthBudget, prepareForward } from "./in-place/prepare.js";
import { assertSamePages } from "./in-place-steps.js";
import { legacyBytes } from "./leftover.js";
import type { LegacyFile } from "./legacy/legacy-file.js";
import type { LegacySurvey } from "./legacy/survey.js";
import { obstaclesToWriting } from "./may-write.js";
import { findOpeners } from "./openers.js";
import type { FileOptions } from "./options.js";
import { assertNoLogBesideLink, assertOneName } from "./other-names.js";
import { type FileFormat, newResult, RefusedError } from "./results.js";

/** The least and the most bytes of a key, or of a value. */
export interface SizeSpan {
  readonly min: number;
  readonly max: number;
}

/** What a run would do with one file; fields that are null are not known. Those of FileResult mean the same. */
export interface FilePlan {
  path: string;
  /** Whether `run` with these options would convert it. */
  possible: boolean;
  /** Every reason why not, with the option that would make it possible. */
  reasons: string[];
  /** What is worth knowing and no hindrance. */
  notes: string[];
  from: FileFormat | null;
  recognisedBy: string | null;
  /** Names of its trees. */
  trees: string[];
  records: number | null;
  digest: string | null;
  keyBytes: SizeSpan | null;
  valueBytes: SizeSpan | null;
  logFrames: number | null;
  healed: string[];
  pageSize: { before: number | null; after: number | null };
  pages: { before: number | null; after: number | null };
  bytes: { before: number | null; after: number | null };
  extraBytes: number | null;
  /** Milliseconds; a guess, from how long the check took. */
  estimatedMs: number | null;
}

export function newPlan(path: string): FilePlan {
  const unknown = { before: null, after: null };
  return {
    path,
    possible: false,
    reasons: [],
    notes: [],
    from: null,
    recognisedBy: null,
    trees: [],
    records: null,
    digest: null,
    keyBytes: null,
    valueBytes: null,
    logFrames: null,
    healed: [],
    pageSize: { ...unknown },
    pages: { ...unknown },
    bytes: { ...unknown },
    extraBytes: null,
    estimatedMs: null,
  };
}

/** A conversion moves the file about so often as the check reads it. */
const WORK_PER_CHECK = 3;

/** Puts everything into `plan`; throws nothing that the file is to blame for. */
export function* planSteps(
  vfs: Vfs,
  given: string,
  options: FileOptions,
  plan: FilePlan,
): Generator<WorkStep, void> {
  const start = performance.now();
  try {
    const path = vfs.canonical(given);
    const state = inspectFile(vfs, path);
    plan.bytes.before = vfs.stat(path)?.size ?? null;
    if (state.kind === "store") {
      plan.from = "espalier";
      if (state.leftover === undefined) assertNoNewerLog(vfs, path);
      plan.notes.push("it is a store already: there is nothing to do");
      plan.possible = true;
      return;
    }
    if (state.kind === "migrating") {
      planRest(vfs, path, state, options, plan);
      return;
    }
    assertNoLogBesideLink(vfs, given, path);
    assertOneName(vfs, path);
    assertNothingForeign(vfs, path);
    yield* planLegacy(vfs, path, options, plan);
    plan.estimatedMs = Math.round((performance.now() - start) * WORK_PER_CHECK);
    plan.reasons.push(...obstaclesToWriting(vfs, path, options.strategy === "rewrite"));
    addOpeners(vfs, path, options, plan);
    plan.possible = plan.reasons.length === 0;
  } catch (error) {
    if (!(error instanceof EspalierError) && !(error instanceof RefusedError)) throw error;
    plan.reasons.push(error.message);
  }
}

/** Of a file that is half-way already. Throws RefusedError and CorruptionError where a run would not go on with it. */
function planRest(
  vfs: Vfs,
  path: string,
  { program, slot }: Extract<FileState, { kind: "migrating" }>,
  options: FileOptions,
  plan: FilePlan,
): void {
  plan.from = "migrating";
  assertOneName(vfs, path);
  assertSamePages(program, options);
  const forward = program.head.direction === "forward";
  if (forward && slot.phase <= 1 && !hasPlannedLog(vfs, path, program)) throw logMissing(path, program);
  plan.notes.push(
    forward
      ? "its conversion has begun; run goes on with it"
      : "its rollback has begun; run ends that, and converts it then",
  );
  plan.reasons.push(...obstaclesToWriting(vfs, path, false));
  addOpeners(vfs, path, options, plan);
  plan.possible = plan.reasons.length === 0;
}

function addOpeners(vfs: Vfs, path: string, options: FileOptions, plan: FilePlan): void {
  if (options.assumeClosed === true) return;
  const { pids, complete } = findOpeners(vfs, path);
  if (pids.length > 0) plan.reasons.push(`it is locked by pid ${pids.join(", ")}`);
  else if (!complete)
    plan.reasons.push(
      "whether another process has it open can't be seen from here; if none has, say --assume-closed",
    );
}

function* planLegacy(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  plan: FilePlan,
): Generator<WorkStep, void> {
  const source = openForCheck(vfs, path, options, legacyBytes(vfs, path));
  try {
    plan.bytes.before = source.fileBytes;
    const result = newResult(path);
    const likely = likelyPageSize(source, options);
    const sizer = likely === undefined ? undefined : new WalkSizer(likely);
    const survey = yield* checkSteps(source, result, sizer);
    fillFrom(survey, result);
    fillPlan(plan, survey);
    plan.reasons.push(...reasonsAgainst(survey));
    if (plan.reasons.length > 0) return;
    yield* planTarget(vfs, path, source, survey, sizer, options, plan);
  } finally {
    source.close();
  }
}

function fillPlan(plan: FilePlan, survey: LegacySurvey): void {
  const result = newResult(plan.path);
  fillFrom(survey, result);
  plan.from = result.from;
  plan.recognisedBy = result.recognisedBy;
  plan.records = result.records;
  plan.digest = result.digest.before;
  plan.logFrames = result.logFrames;
  plan.healed = result.healed;
  plan.pageSize.before = survey.pageSize;
  plan.pages.before = survey.filePages;
  plan.trees = survey.trees.map((tree) => tree.name);
  plan.keyBytes = spanOf(survey, "keyBytes");
  plan.valueBytes = spanOf(survey, "valueBytes");
  if (survey.carried.length > 0) {
    plan.notes.push(
      `${survey.carried.length} pages of kind 5 or 6, which values may refer to, are kept in the store as they are; a rollback puts them back`,
    );
  }
  for (const note of survey.notes.slice(0, 20)) {
    plan.notes.push(note.page >= 0 ? `page ${note.page}: ${note.reason}` : note.reason);
  }
}

function spanOf(survey: LegacySurvey, what: "keyBytes" | "valueBytes"): SizeSpan | null {
  const spans = survey.trees.flatMap((tree) =>
    tree.content === undefined || tree.content.records === 0 ? [] : [tree.content[what]],
  );
  if (spans.length === 0) return null;
  return { min: Math.min(...spans.map((span) => span.min)), max: Math.max(...spans.map((span) => span.max)) };
}

function* planTarget(
  vfs: Vfs,
  path: string,
  source: LegacyFile,
  survey: LegacySurvey,
  sizer: WalkSizer | undefined,
  options: FileOptions,
  plan: FilePlan,
): Generator<WorkStep, void> {
  const pageSize = targetPageSize(survey, options);
  const sized = yield* sizeSteps(source, survey, pageSize, sizer);
  plan.pageSize.after = pageSize;
  addOverflowNote(plan, survey, sized);
  if (options.strategy === "rewrite") {
    setSize(plan, sized.pages, pageSize);
    plan.extraBytes = plan.bytes.after;
    return;
  }
  const file = vfs.open(path, "read");
  try {
    const { fileBytes } = source;
    const report = {
      recognisedBy: survey.recognisedBy,
      logFrames: 0,
      healed: [],
      pagesBefore: survey.filePages,
    };
    const settings = { fileBytes, firstSector: firstSectorOf(file), verify: "full" as const, report };
    const inFile = (page: number): boolean => !source.pages.log.has(page);
    const planned = prepareForward(survey, source.fileMeta.image, sized, settings, inFile);
    setSize(plan, planned.head.finalPages, pageSize);
    plan.extraBytes = planned.extraBytes;
    const budget = growthBudget(fileBytes);
    if (planned.extraBytes > budget && options.allowGrowth !== true) {
      plan.reasons.push(
        `in place it needs ${planned.extraBytes} bytes of extra disk on the way, ${budget} are allowed; say --allow-growth, or --strategy rewrite`,
      );
    }
  } finally {
    file.close();
  }
}

/** Long values cost more than they hold, and on small pages a whole block each: a larger page may keep them. */
function addOverflowNote(plan: FilePlan, survey: LegacySurvey, sized: SizedStore): void {
  const runs = sized.runPages.length;
  if (runs === 0) return;
  const [key, value] = [spanOf(survey, "keyBytes")?.max ?? 0, spanOf(survey, "valueBytes")?.max ?? 0];
  const bytes = sized.runPages.reduce((sum, pages) => sum + pages, 0) * sized.pageSize;
  let larger = sized.pageSize * 2;
  while (larger < PAGE_SIZE_MAX && !staysInLeaf(larger, key, value)) larger *= 2;
  const size = staysInLeaf(larger, key, value) ? larger : sized.pageSize < BLOCK_BYTES ? BLOCK_BYTES : 0;
  const proposal = size === 0 || size > PAGE_SIZE_MAX ? "" : `; --page-size ${size} needs fewer`;
  plan.notes.push(
    `${runs} values are too long for leaves and take ${bytes} bytes of overflow pages${proposal}`,
  );
}

function staysInLeaf(pageSize: number, keyBytes: number, valueBytes: number): boolean {
  return KEY_VARINT_BYTES_MAX + keyBytes + valueBytes <= inlineRecordBytesMax(pageSize);
}

function setSize(plan: FilePlan, pages: number, pageSize: number): void {
  plan.pages.after = pages;
  plan.bytes.after = alignUp(pages * pageSize, BLOCK_BYTES);
}
