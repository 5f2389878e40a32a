/**
 * The record that a converted store keeps of the legacy file that it was (M4): generation, page size, root
 * pages, and the meta page with every field, salts included. It lies in the catalogue under a reserved
 * name, as JSON, and a rollback restores from it what the application knew. Pages that are no tree pages but may
 * be referred to from inside values are in it whole.
 */

import { CorruptionError } from "../src/base/errors.js";
import type { LegacyGeneration } from "./legacy/layout.js";
import type { LegacySurvey } from "./legacy/survey.js";

/** Its name in the catalogue; names that begin with a zero byte are no trees. */
export const LEGACY_RECORD_NAME = "\0legacy";
const VERSION = 1;

export interface LegacyTreeRecord {
  /** In the store; empty for the unnamed tree. */
  readonly name: string;
  readonly root: number;
  /** Where the meta page names the root, relative to its body; null for a bare tree. */
  readonly metaOffset: number | null;
}

/** A page that values may refer to by its number; carried along as it is, and put back there. */
export interface CarriedPage {
  readonly page: number;
  /** Base64, without the zeroes at its end. */
  readonly image: string;
}

export interface LegacyRecord {
  readonly version: number;
  readonly generation: LegacyGeneration | "unknown";
  readonly pageSize: number;
  readonly lastLsn: number;
  readonly trees: readonly LegacyTreeRecord[];
  /** The meta page with the log applied, in base64, without the zeroes at its end. */
  readonly meta: string;
  /** Pages of kind 5 and 6; absent where there are none. */
  readonly pages?: readonly CarriedPage[];
}

/** A single tree becomes the unnamed one, several keep their names. */
export function storeTreeName(survey: LegacySurvey, index: number): string {
  return survey.trees.length === 1 ? "" : survey.trees[index]!.name;
}

export function legacyRecordOf(survey: LegacySurvey): LegacyRecord {
  return {
    version: VERSION,
    generation: survey.generation,
    pageSize: survey.pageSize,
    lastLsn: survey.log.lastLsn,
    trees: survey.trees.map((tree, index) => ({
      name: storeTreeName(survey, index),
      root: tree.root,
      metaOffset: tree.field?.offset ?? null,
    })),
    meta: encodeTrimmed(survey.meta.image),
    ...(survey.carriedImages.length > 0 && {
      pages: survey.carriedImages.map((image, index) => ({
        page: survey.carried[index]!,
        image: encodeTrimmed(image),
      })),
    }),
  };
}

/** Of a file that is to become a legacy one for the first time; `meta` is its meta page. */
export function newLegacyRecord(generation: LegacyGeneration, meta: Uint8Array): LegacyRecord {
  return {
    version: VERSION,
    generation,
    pageSize: meta.length,
    lastLsn: 0,
    trees: [],
    meta: encodeTrimmed(meta),
  };
}

export function encodeLegacyRecord(record: LegacyRecord): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(record), "utf8"));
}

/** Throws CorruptionError (M4) where the bytes are no such record. */
export function decodeLegacyRecord(bytes: Uint8Array, path: string): LegacyRecord {
  try {
    const record = JSON.parse(Buffer.from(bytes).toString("utf8")) as LegacyRecord;
    if (record.version === VERSION && Array.isArray(record.trees) && record.pageSize > 0) return record;
  } catch {
    // Told below.
  }
  throw new CorruptionError("M4", "the record of the legacy file makes no sense", {
    path,
    page: -1,
    offset: -1,
  });
}

/** The meta page in its full length. */
export function metaImage(record: LegacyRecord): Uint8Array {
  return wholePage(record.meta, record.pageSize);
}

/** A page from its base64 form. */
export function wholePage(image: string, pageSize: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  page.set(Buffer.from(image, "base64").subarray(0, pageSize));
  return page;
}

function encodeTrimmed(image: Uint8Array): string {
  let end = image.length;
  while (end > 0 && image[end - 1] === 0) end--;
  return Buffer.from(image.buffer, image.byteOffset, end).toString("base64");
}
