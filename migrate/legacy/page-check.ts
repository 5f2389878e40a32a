/**
 * The header and checksum that every legacy page carries: checked on reading, sealed on writing.
 *
 * `PageSeal` belongs to one file: it knows the page size and the salt.
 */

import { crc32 } from "node:zlib";
import {
  readU16,
  readU32,
  readU64,
  readU64Exact,
  writeU16,
  writeU32,
  writeU64,
  writeU64Exact,
} from "./big-endian.js";
import {
  FORMAT_VERSION,
  HEADER_CHECKSUM,
  HEADER_KIND,
  HEADER_NUMBER,
  HEADER_PAGE_SIZE,
  HEADER_SALT,
  KIND_META,
  KIND_SEGMENT,
  MAGIC_PAGE,
} from "./layout.js";

export class PageSeal {
  readonly pageSize: number;
  readonly salt: bigint;
  readonly #saltHigh: number;
  readonly #saltLow: number;
  /** Page number and salt, which enter the checksum before the page itself. */
  readonly #seed: Uint8Array = new Uint8Array(16);

  constructor(pageSize: number, salt: bigint) {
    this.pageSize = pageSize;
    this.salt = salt;
    this.#saltHigh = Number(salt >> 32n);
    this.#saltLow = Number(salt & 0xffffffffn);
    writeU64Exact(this.#seed, 8, salt);
  }

  /**
   * Undefined where the page is what page `number` of this file must look like from outside, else the
   * reason why not. `page` is exactly one page; its checksum bytes are changed and put back.
   */
  fault(page: Uint8Array, number: number): string | undefined {
    if (readU32(page, 0) !== MAGIC_PAGE)
      return isZero(page) ? "the page is all zeroes" : "the magic is not SOMB";
    if (readU32(page, HEADER_CHECKSUM) !== this.checksum(page, number)) return "the checksum does not match";
    if (readU16(page, 4) !== FORMAT_VERSION) return `the format version is ${readU16(page, 4)}`;
    const kind = page[HEADER_KIND]!;
    if (kind < KIND_META || kind > KIND_SEGMENT) return `page kind ${kind} does not exist`;
    if (page[7] !== 0) return "the reserved byte of the header is not zero";
    if (readU32(page, HEADER_PAGE_SIZE) !== this.pageSize) {
      return `the header says a page size of ${readU32(page, HEADER_PAGE_SIZE)}`;
    }
    if (readU64(page, HEADER_NUMBER) !== number)
      return `the header says page ${readU64(page, HEADER_NUMBER)}`;
    if (readU32(page, HEADER_SALT) !== this.#saltHigh || readU32(page, HEADER_SALT + 4) !== this.#saltLow) {
      return "the page carries the salt of another file";
    }
    return undefined;
  }

  /** The checksum that `page` must carry as page `number`. */
  checksum(page: Uint8Array, number: number): number {
    writeU64(this.#seed, 0, number);
    const stored = readU32(page, HEADER_CHECKSUM);
    writeU32(page, HEADER_CHECKSUM, 0);
    const sum = crc32(page, crc32(this.#seed));
    writeU32(page, HEADER_CHECKSUM, stored);
    return sum;
  }

  /** Writes the whole page header; the body must be complete. */
  seal(page: Uint8Array, number: number, kind: number): void {
    writeU32(page, 0, MAGIC_PAGE);
    writeU16(page, 4, FORMAT_VERSION);
    page[HEADER_KIND] = kind;
    page[7] = 0;
    writeU32(page, HEADER_PAGE_SIZE, this.pageSize);
    writeU64(page, HEADER_NUMBER, number);
    writeU64Exact(page, HEADER_SALT, this.salt);
    writeU32(page, HEADER_CHECKSUM, this.checksum(page, number));
  }
}

/** The salt in a page's own header. */
export function headerSalt(page: Uint8Array): bigint {
  return readU64Exact(page, HEADER_SALT);
}

export function isZero(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
