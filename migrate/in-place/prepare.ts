/**
 * Puts a plan together: sizes in, program out. Nothing is written here.
 */

import { randomBytes } from "node:crypto";
import { newStoreId } from "../../src/base/store-id.js";
import { keyBytesMax } from "../../src/page/limits.js";
import { firstPage } from "../../src/pager/store-header.js";
import { runUnit } from "../../src/tree/bulk-images.js";
import type { LegacySurvey } from "../legacy/survey.js";
import type { SizedLegacy } from "./back-plan.js";
import type { SizedStore } from "./forward-plan.js";
import { GrowthExhausted, type Layout, type LayoutInput, planLayout } from "./layout.js";
import { DeadSpace, PageMap } from "./page-map.js";
import {
  batchTable,
  journalBytes,
  moveTable,
  type ProgramHead,
  type ProgramReport,
  type ProgramTables,
  type VerifyMode,
} from "./program.js";
import { slotBytesFor } from "./slot.js";

const VERSION = 1;
const MIB = 1024 * 1024;
/** Extra disk that a conversion may use without being told: this, or a share of the file. */
const GROWTH_BYTES: number = 64 * MIB;
const GROWTH_SHARE = 0.05;
const BATCH_BYTES: number = 24 * MIB;
const BATCH_BYTES_MIN: number = 24 * MIB;
/** A batch uses at most this share of a small file, so that its temporary growth stays small too. */
const BATCH_SHARE = 1 / 16;

export interface PlannedProgram {
  readonly head: ProgramHead;
  readonly tables: ProgramTables;
  readonly slotBytes: number;
  /** Disk space beyond the file's own size, at most, on the way. */
  readonly extraBytes: number;
  readonly budgetBytes: number;
}

export function growthBudget(fileBytes: number): number {
  return Math.max(GROWTH_BYTES, Math.floor(fileBytes * GROWTH_SHARE));
}

interface Geometry {
  readonly sourcePageSize: number;
  readonly targetPageSize: number;
  readonly firstPage: number;
  readonly fileBytes: number;
}

function place(
  geometry: Geometry,
  live: (map: PageMap) => void,
  input: Omit<LayoutInput, "batchPages" | "batchPagesMin">,
): Layout {
  const { targetPageSize, fileBytes } = geometry;
  const inside = Math.floor(fileBytes / targetPageSize);
  const batchPagesMin = Math.max(
    1,
    Math.floor(Math.min(BATCH_BYTES_MIN / targetPageSize, inside * BATCH_SHARE)),
  );
  const batchPages = Math.max(1, Math.floor(BATCH_BYTES / targetPageSize));
  for (let growthPages = inside + 4096; ; growthPages *= 4) {
    const map = new PageMap(Math.ceil(fileBytes / geometry.sourcePageSize));
    live(map);
    const space = new DeadSpace({ ...geometry, growthPages }, map);
    try {
      return planLayout({ ...input, batchPages, batchPagesMin }, space, geometry.firstPage);
    } catch (error) {
      if (!(error instanceof GrowthExhausted)) throw error;
    }
  }
}

function assemble(
  head: Omit<ProgramHead, "version" | "id">,
  tables: ProgramTables,
  fenceBytes: number,
): PlannedProgram {
  const full: ProgramHead = { version: VERSION, id: randomBytes(8).toString("hex"), ...head };
  const slotBytes = slotBytesFor(fenceBytes);
  const grown = Math.max(
    head.growthPages * head.targetPageSize,
    head.finalPages * head.targetPageSize - head.oldBytes,
    0,
  );
  const extraBytes = grown + 4096 + journalBytes(full, tables, slotBytes);
  return { head: full, tables, slotBytes, extraBytes, budgetBytes: growthBudget(head.oldBytes) };
}

export interface PrepareOptions {
  readonly fileBytes: number;
  readonly firstSector: string;
  readonly verify: VerifyMode;
  readonly report: ProgramReport;
}

/** `pageZero` is the meta page as it lies in the file; `inFile` says which pages are not read from the log. */
export function prepareForward(
  survey: LegacySurvey,
  pageZero: Uint8Array,
  sized: SizedStore,
  options: PrepareOptions,
  inFile: (page: number) => boolean,
): PlannedProgram {
  const units = concat(survey.trees.map((tree) => tree.order.pages));
  const geometry: Geometry = {
    sourcePageSize: survey.pageSize,
    targetPageSize: sized.pageSize,
    firstPage: firstPage(sized.pageSize),
    fileBytes: options.fileBytes,
  };
  const layout = place(geometry, (map) => markPages(map, units, inFile), {
    unitCount: units.length,
    unitRecords: (unit) => sized.unitRecords[unit]!,
    releaseUnit: (unit, space) => space.release(units[unit]!),
    leafRecords: sized.leafRecords,
    leafRuns: sized.leafRuns,
    runPages: sized.runPages,
    runUnit: runUnit(sized.pageSize),
    fixedLeaves: new Map(),
    trailing: sized.trailing,
  });
  let unit = 0;
  let leaf = 0;
  const trees = sized.trees.map((tree) => {
    const from: [number, number] = [unit, leaf];
    unit += tree.survey?.order.pages.length ?? 0;
    leaf += tree.leaves;
    return {
      name: tree.name,
      units: [from[0], unit] as const,
      leaves: [from[1], leaf] as const,
      records: tree.records,
      digest: tree.survey?.content?.digest ?? EMPTY_DIGEST,
      branches: tree.branches,
      metaOffset: tree.survey?.field?.offset ?? null,
    };
  });
  const head: Omit<ProgramHead, "version" | "id"> = {
    direction: "forward",
    generation: survey.generation === "unknown" ? "gen3" : survey.generation,
    sourcePageSize: survey.pageSize,
    targetPageSize: sized.pageSize,
    oldBytes: options.fileBytes,
    finalPages: layout.finalPages,
    gaps: layout.gaps,
    growthPages: layout.growthPages,
    verify: options.verify,
    trees,
    firstSector: options.firstSector,
    meta: encodeMetaImage(pageZero),
    storeId: Buffer.from(newStoreId()).toString("base64"),
    legacy: sized.legacy,
    carried: [],
    report: options.report,
  };
  const tables = { ...emptyTables(layout), units, overlaps: overlapTable(survey) };
  return assemble(head, tables, keyBytesMax(sized.pageSize));
}

/** SHA-256 of nothing. */
const EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface BackSource {
  readonly pageSize: number;
  readonly storeId: Uint8Array;
  /** The meta page to be completed, whole. */
  readonly meta: Uint8Array;
}

export function prepareBack(source: BackSource, sized: SizedLegacy, options: PrepareOptions): PlannedProgram {
  const geometry: Geometry = {
    sourcePageSize: source.pageSize,
    targetPageSize: sized.pageSize,
    firstPage: 1,
    fileBytes: options.fileBytes,
  };
  const layout = place(geometry, sized.markLive, sized.layout);
  const head: Omit<ProgramHead, "version" | "id"> = {
    direction: "back",
    generation: sized.generation,
    sourcePageSize: source.pageSize,
    targetPageSize: sized.pageSize,
    oldBytes: options.fileBytes,
    finalPages: layout.finalPages,
    gaps: layout.gaps,
    growthPages: layout.growthPages,
    verify: options.verify,
    trees: sized.trees.map(({ name, units, leaves, records, digest, branches, metaOffset }) => ({
      name,
      units,
      leaves,
      records,
      digest,
      branches,
      metaOffset,
    })),
    firstSector: options.firstSector,
    meta: encodeMetaImage(source.meta),
    storeId: Buffer.from(source.storeId).toString("base64"),
    legacy: null,
    carried: sized.carried,
    report: options.report,
  };
  const tables = {
    ...emptyTables(layout),
    units: sized.units,
    leafRecords: sized.leafRecords,
    branchChildren: sized.branchChildren,
  };
  return assemble(head, tables, 0);
}

/** A page without the zeroes at its end, in base64. */
export function encodeMetaImage(page: Uint8Array): string {
  let end = page.length;
  while (end > 0 && page[end - 1] === 0) end--;
  return Buffer.from(page.buffer, page.byteOffset, end).toString("base64");
}

function emptyTables(layout: Layout): ProgramTables {
  const none = new Uint32Array(0);
  return {
    units: none,
    overlaps: none,
    leafPages: layout.leafPages,
    leafRecords: none,
    branchChildren: none,
    runStarts: layout.runStarts,
    trailing: layout.trailing,
    batches: batchTable(layout),
    moves: moveTable(layout),
  };
}

function concat(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function overlapTable(survey: LegacySurvey): Uint32Array {
  if (!survey.trees.some((tree) => tree.order.overlaps !== undefined)) return new Uint32Array(0);
  return concat(
    survey.trees.map((tree) =>
      Uint32Array.from(tree.order.overlaps ?? new Uint8Array(tree.order.pages.length)),
    ),
  );
}

function markPages(map: PageMap, pages: Uint32Array, inFile: (page: number) => boolean): void {
  for (const page of pages) if (inFile(page)) map.add(page);
}
