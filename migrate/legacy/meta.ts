/**
 * The meta page (page 0) of a legacy file. Offsets relative to the page body:
 *
 *     0  8  salt                        64  8  root of id -> string      152  8  next node id
 *     8  4  page size                   72  4  next string id            160  8  next edge id
 *    12  2  format version = 1          76  4  storage flags             168  4  inline blob limit
 *    16  8  free-list head, 0 = none    80 .. 152  roots of 9 trees      172  4  inline value limit
 *    24  8  next page                  176  8  DDL epoch (gen2 and gen3) 184  8  version log root (late gen3)
 *    32  8  last checkpoint LSN        192  8  next version (late gen3)
 *    40  8  log salt                   200, 208, 216  roots of 3 segment trees (late gen3)
 *    48  4  log policy flags
 *    56  8  root of string -> id
 */

import { CorruptionError } from "../../src/base/errors.js";
import { readU16, readU32, readU64, readU64Exact, writeU32, writeU64 } from "./big-endian.js";
import {
  FORMAT_VERSION,
  HEADER_KIND,
  KIND_META,
  META_BYTES,
  PAGE_HEADER_BYTES,
  PAGE_NUMBER_MAX,
} from "./layout.js";
import { headerSalt, PageSeal } from "./page-check.js";

export interface MetaRootField {
  /** The tree's name in the converted store. */
  readonly name: string;
  /** Offset in the meta body. */
  readonly offset: number;
}

/** Every field of the meta page that can name the root of a tree. */
export const META_ROOT_FIELDS: readonly MetaRootField[] = [
  { name: "string_to_id", offset: 56 },
  { name: "id_to_string", offset: 64 },
  { name: "nodes", offset: 80 },
  { name: "edges", offset: 88 },
  { name: "forward_adjacency", offset: 96 },
  { name: "reverse_adjacency", offset: 104 },
  { name: "degree", offset: 112 },
  { name: "index_catalog", offset: 120 },
  { name: "label_index", offset: 128 },
  { name: "property_chunks", offset: 136 },
  { name: "property_btree", offset: 144 },
  { name: "version_log", offset: 184 },
  { name: "segments_0", offset: 200 },
  { name: "segments_1", offset: 208 },
  { name: "segments_2", offset: 216 },
];

const META_PAGE_SIZE = 8;
const META_FREE_LIST = 16;
const META_NEXT_PAGE = 24;
const META_CHECKPOINT = 32;
const META_LOG_SALT = 40;
const META_NEXT_STRING = 72;
const META_NEXT_NODE = 152;
const META_NEXT_EDGE = 160;
const META_INLINE_BLOB = 168;
const META_INLINE_VALUE = 172;
const META_DDL_EPOCH = 176;
const META_NEXT_VERSION = 192;

export interface LegacyMeta {
  readonly salt: bigint;
  readonly pageSize: number;
  readonly freeListHead: number;
  /** First page number never handed out; not a bound for pages (the original's replay loses it). */
  readonly nextPage: number;
  readonly lastCheckpointLsn: number;
  readonly logSalt: bigint;
  readonly ddlEpoch: number;
  /** 1 and more in late gen3, 0 before. */
  readonly nextVersion: number;
  /** The root fields that are not 0, in the order of META_ROOT_FIELDS. */
  readonly roots: readonly { readonly field: MetaRootField; readonly page: number }[];
  /** The page as it is, for restoring every field. */
  readonly image: Uint8Array;
}

/** The last checkpoint that an image of page 0 names, unchecked. */
export function checkpointOf(page: Uint8Array): number {
  return readU64(page, PAGE_HEADER_BYTES + META_CHECKPOINT);
}

/**
 * Checks and decodes page 0; `page` is exactly one page and is copied. Throws CorruptionError (G1, G2).
 */
export function decodeMeta(page: Uint8Array, path: string): LegacyMeta {
  const seal = new PageSeal(page.length, headerSalt(page));
  const fault = seal.fault(page, 0);
  if (fault !== undefined) throw new CorruptionError("G1", fault, { path, page: 0, offset: -1 });
  const bad = (reason: string, at: number): CorruptionError =>
    new CorruptionError("G2", reason, { path, page: 0, offset: PAGE_HEADER_BYTES + at });
  if (page[HEADER_KIND] !== KIND_META)
    throw bad(`the page kind is ${page[HEADER_KIND]}, not that of a meta page`, -26);

  const body = new Uint8Array(META_BYTES);
  body.set(page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + META_BYTES));
  const salt = readU64Exact(body, 0);
  if (salt !== seal.salt) throw bad("the salt differs from the one in the page header", 0);
  if (readU32(body, META_PAGE_SIZE) !== page.length)
    throw bad("the page size differs from the header's", META_PAGE_SIZE);
  if (readU16(body, 12) !== FORMAT_VERSION) throw bad(`the format version is ${readU16(body, 12)}`, 12);
  const lastCheckpointLsn = readU64(body, META_CHECKPOINT);
  if (lastCheckpointLsn > Number.MAX_SAFE_INTEGER)
    throw bad("the checkpoint LSN is impossibly large", META_CHECKPOINT);

  const roots: { field: MetaRootField; page: number }[] = [];
  for (const field of META_ROOT_FIELDS) {
    const root = readU64(body, field.offset);
    if (root > PAGE_NUMBER_MAX) throw bad(`the root of ${field.name} is page ${root}`, field.offset);
    if (root !== 0) roots.push({ field, page: root });
  }
  return {
    salt,
    pageSize: page.length,
    freeListHead: readU64(body, META_FREE_LIST),
    nextPage: readU64(body, META_NEXT_PAGE),
    lastCheckpointLsn,
    logSalt: readU64Exact(body, META_LOG_SALT),
    ddlEpoch: readU64(body, META_DDL_EPOCH),
    nextVersion: readU64(body, META_NEXT_VERSION),
    roots,
    image: page.slice(),
  };
}

/** What a rewritten file changes in its meta page; every other field stays as it was. */
export interface MetaChanges {
  readonly nextPage: number;
  readonly freeListHead: number;
  readonly lastCheckpointLsn?: number;
  /** New values of root fields, by their offset. */
  readonly roots?: readonly { readonly offset: number; readonly page: number }[];
}

/** A sealed copy of the meta page `image` with `changes` made. */
export function patchMeta(image: Uint8Array, changes: MetaChanges): Uint8Array {
  const page = image.slice();
  writeU64(page, PAGE_HEADER_BYTES + META_NEXT_PAGE, changes.nextPage);
  writeU64(page, PAGE_HEADER_BYTES + META_FREE_LIST, changes.freeListHead);
  if (changes.lastCheckpointLsn !== undefined) {
    writeU64(page, PAGE_HEADER_BYTES + META_CHECKPOINT, changes.lastCheckpointLsn);
  }
  for (const root of changes.roots ?? []) writeU64(page, PAGE_HEADER_BYTES + root.offset, root.page);
  new PageSeal(page.length, headerSalt(page)).seal(page, 0, KIND_META);
  return page;
}

export interface NewMeta {
  readonly pageSize: number;
  readonly salt: bigint;
  readonly logSalt: bigint;
  /** Late gen3 counts versions from 1. */
  readonly late?: boolean;
}

/** The sealed meta page of a file that has no pages yet, as the original writes it. */
export function encodeMeta(values: NewMeta): Uint8Array {
  const page = new Uint8Array(values.pageSize);
  const body = page.subarray(PAGE_HEADER_BYTES);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  view.setBigUint64(0, values.salt);
  writeU32(body, META_PAGE_SIZE, values.pageSize);
  view.setUint16(12, FORMAT_VERSION);
  writeU64(body, META_NEXT_PAGE, 1);
  view.setBigUint64(META_LOG_SALT, values.logSalt);
  writeU32(body, META_NEXT_STRING, 1);
  writeU64(body, META_NEXT_NODE, 1);
  writeU64(body, META_NEXT_EDGE, 1);
  writeU32(body, META_INLINE_BLOB, 128);
  writeU32(body, META_INLINE_VALUE, 48);
  if (values.late === true) writeU64(body, META_NEXT_VERSION, 1);
  new PageSeal(values.pageSize, values.salt).seal(page, 0, KIND_META);
  return page;
}
