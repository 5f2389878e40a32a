/**
 * Options of a store, their defaults and their checks. Wrong ones throw OptionError before anything is
 * touched.
 */

import { OptionError } from "../base/errors.js";
import { FRAMES_MIN, SLAB_BYTES_MAX } from "../pager/page-pool.js";
import { isPageSize, PAGE_SIZE_MAX, PAGE_SIZE_MIN } from "../pager/store-header.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import type { Vfs } from "../vfs/vfs.js";
import { assertOptions, flag, oneOf, wholeNumber } from "./call-options.js";

/**
 * When a commit is durable. "sync": when the call returns. "group": when a background sync that many
 * commits share has covered it; the change is visible at once, and `flush()` or the promise of
 * `write()` tells. "none": at the next checkpoint, `flush()` or `close()`. At every level a commit is
 * handed to the operating system before the call returns, and so survives the death of the process;
 * `putAsync()` and `deleteAsync()` commit later, and resolve when the change is durable, at every level.
 */
export type Durability = "sync" | "group" | "none";

/**
 * How keys become bytes. They compare as bytes. "ordered" takes numbers, strings, booleans, null, bigints, and tuples
 * of two or more of those. Numbers and bigints that are equal are one key: a bigint that a number can be comes back as
 * that number, 10n as 10. They sort null, false, true, numbers, strings; tuples by their elements, each behind what it
 * begins with. All that begin with 7 are `{ gte: [7, null], lt: 8 }` where only whole numbers stand first, and all that
 * begin with "a" `{ gte: ["a", null], lt: "a\0" }`. As tuples of one type: `{ gte: [7, ""], lt: [8, ""] }` for strings
 * behind 7, `{ gte: ["a", -Infinity], lte: ["a", Infinity] }` for numbers behind "a".
 */
export type KeyEncoding = "utf8" | "binary" | "ordered";

/**
 * How values become bytes. "json" keeps what JSON.stringify makes of a value, no more: a Map or a Set comes back as {},
 * NaN and the infinities as null, a typed array as an object of its elements, a Date as its text. What it makes nothing
 * of (undefined, functions) or refuses (bigints, circles) is an EncodingError.
 */
export type ValueEncoding = "json" | "utf8" | "binary";

/** Options of `open()`. Names that are not known and values out of range throw OptionError. */
export interface StoreOptions {
  /** Bytes a page, 512 to 32768, a power of two; for new files only. Default 4096. */
  readonly pageSize?: number;
  /** Default "sync". */
  readonly durability?: Durability;
  /** Memory for pages, in bytes; taken as it is used. From 256 KiB to 64 KiB less than 2 GiB. Default 128 MiB. */
  readonly cacheBytes?: number;
  /**
   * Each of the two log segments grows to this, in bytes; further where one transaction needs more, and while
   * checkpoints fail. From 256 KiB to 2 GiB. Default 128 MiB.
   */
  readonly logBytes?: number;
  /** Writes nothing; changes throw ReadOnlyError. */
  readonly readOnly?: boolean;
  /** Whether a store is made where there is none, or an empty file. Default true. */
  readonly createIfMissing?: boolean;
  /** Whether a store that is there is an ExistsError. Default false. */
  readonly errorIfExists?: boolean;
  /** How long to wait for another opener, in milliseconds; blocks the thread. Default 0: not at all. */
  readonly lockTimeoutMs?: number;
  /**
   * The data file grows no further than this, in bytes, 64 KiB at least: a change that would need more throws
   * DiskFullError. Checkpoints may take 16 pages beyond it, and opening and closing what they need. The log is not
   * counted. Default: no limit.
   */
  readonly maxBytes?: number;
  /** Of the unnamed tree; kept in the file, and opening with another one is an error. Default "utf8". */
  readonly keyEncoding?: KeyEncoding;
  /** As keyEncoding. Default "json". */
  readonly valueEncoding?: ValueEncoding;
  /** Takes the timings that cost something. Default: whether ESPALIER_PROFILE is 1. */
  readonly profile?: boolean;
  /**
   * Publishes the counters to this file every few seconds and at close, for `espalier metrics serve`. What is
   * there and is no such file is left alone, with a process warning. Default: nowhere.
   */
  readonly metricsFile?: string;
  /** The file system. Default: the real one. */
  readonly vfs?: Vfs;
}

/** Options of a named tree. */
export interface TreeOptions {
  /** Kept in the file; asking for another one than the tree has is an EncodingError. A new tree's default: "utf8". */
  readonly keyEncoding?: KeyEncoding;
  /** As keyEncoding. A new tree's default: "json". */
  readonly valueEncoding?: ValueEncoding;
}

/** All options, with nothing left open but the encodings, which an existing file may decide. */
export interface Settings {
  readonly pageSize: number;
  readonly durability: Durability;
  readonly cacheBytes: number;
  readonly logBytes: number;
  readonly readOnly: boolean;
  readonly createIfMissing: boolean;
  readonly errorIfExists: boolean;
  readonly lockTimeoutMs: number;
  readonly maxBytes: number;
  readonly keyEncoding: KeyEncoding | undefined;
  readonly valueEncoding: ValueEncoding | undefined;
  readonly profile: boolean;
  readonly metricsFile: string | undefined;
  readonly vfs: Vfs;
}

export const KEY_ENCODINGS: readonly KeyEncoding[] = ["utf8", "binary", "ordered"];
export const VALUE_ENCODINGS: readonly ValueEncoding[] = ["json", "utf8", "binary"];
const DURABILITIES: readonly Durability[] = ["sync", "group", "none"];
const KNOWN: ReadonlySet<string> = new Set([
  "pageSize",
  "durability",
  "cacheBytes",
  "logBytes",
  "readOnly",
  "createIfMissing",
  "errorIfExists",
  "lockTimeoutMs",
  "maxBytes",
  "keyEncoding",
  "valueEncoding",
  "profile",
  "metricsFile",
  "vfs",
]);

const MIB = 1024 * 1024;
const CACHE_BYTES_DEFAULT: number = 128 * MIB;
const LOG_BYTES_DEFAULT: number = 128 * MIB;
const LOG_BYTES_MIN: number = 256 * 1024;
const LOG_BYTES_MAX: number = 2048 * MIB;

export function readOptions(options: StoreOptions): Settings {
  assertOptions(options, KNOWN);
  const pageSize = options.pageSize ?? 4096;
  if (!isPageSize(pageSize)) {
    throw new OptionError("pageSize", `must be a power of two from ${PAGE_SIZE_MIN} to ${PAGE_SIZE_MAX}`);
  }
  const cacheBytes = wholeNumber(
    "cacheBytes",
    options.cacheBytes ?? CACHE_BYTES_DEFAULT,
    FRAMES_MIN * 4096,
    SLAB_BYTES_MAX,
  );
  const readOnly = flag("readOnly", options.readOnly ?? false);
  const createIfMissing = flag("createIfMissing", options.createIfMissing ?? true);
  const errorIfExists = flag("errorIfExists", options.errorIfExists ?? false);
  if (readOnly && errorIfExists) throw new OptionError("errorIfExists", "makes no sense with readOnly");
  return {
    pageSize,
    durability: oneOf("durability", options.durability ?? "sync", DURABILITIES),
    cacheBytes,
    logBytes: wholeNumber("logBytes", options.logBytes ?? LOG_BYTES_DEFAULT, LOG_BYTES_MIN, LOG_BYTES_MAX),
    readOnly,
    createIfMissing,
    errorIfExists,
    lockTimeoutMs: wholeNumber("lockTimeoutMs", options.lockTimeoutMs ?? 0, 0, 0x7fff_ffff),
    maxBytes:
      options.maxBytes === undefined
        ? Number.POSITIVE_INFINITY
        : wholeNumber("maxBytes", options.maxBytes, 64 * 1024, 2 ** 53 - 1),
    keyEncoding:
      options.keyEncoding === undefined
        ? undefined
        : oneOf("keyEncoding", options.keyEncoding, KEY_ENCODINGS),
    valueEncoding:
      options.valueEncoding === undefined
        ? undefined
        : oneOf("valueEncoding", options.valueEncoding, VALUE_ENCODINGS),
    profile: flag("profile", options.profile ?? process.env["ESPALIER_PROFILE"] === "1"),
    metricsFile: fileName("metricsFile", options.metricsFile),
    vfs: fileSystem("vfs", options.vfs ?? nodeVfs),
  };
}

function fileSystem(name: string, value: Vfs): Vfs {
  if (typeof (value as Partial<Vfs>).open === "function") return value;
  throw new OptionError(name, "must be a file system: an object with the functions that Vfs lists");
}

function fileName(name: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw new OptionError(name, "must be the name of a file");
}

const TREE_NAMES: ReadonlySet<string> = new Set(["keyEncoding", "valueEncoding"]);

export function readTreeOptions(options: TreeOptions): TreeOptions {
  assertOptions(options, TREE_NAMES);
  return {
    ...(options.keyEncoding === undefined
      ? {}
      : { keyEncoding: oneOf("keyEncoding", options.keyEncoding, KEY_ENCODINGS) }),
    ...(options.valueEncoding === undefined
      ? {}
      : { valueEncoding: oneOf("valueEncoding", options.valueEncoding, VALUE_ENCODINGS) }),
  };
}
