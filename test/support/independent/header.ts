/** The store's header, after docs/format.md. */

import { crc32 } from "node:zlib";

/** The files of a store. Logs are undefined where they are not there. */
export interface StoreFiles {
  readonly data: Buffer;
  readonly logs: readonly [Buffer | undefined, Buffer | undefined];
}

export interface Header {
  readonly pageSize: number;
  readonly storeId: Buffer;
  /** Of the checksums of all pages. */
  readonly seed: number;
  readonly sequence: number;
  readonly clean: boolean;
  readonly generation: number;
  readonly salt: number;
  readonly chain: number;
  readonly segment: number;
  readonly nextSalt: number;
  readonly catalogRoot: number;
  readonly pages: number;
  readonly freeList: number;
  readonly lastGeneration: number;
  readonly commit: number;
}

export const BLOCK_BYTES = 4096;
const COPY_BYTES = 512;
const CRC_AT = 508;

/** What is not as docs/format.md says, or is damaged. */
class Unreadable extends Error {}

export function need(ok: boolean, what: string): asserts ok {
  if (!ok) throw new Unreadable(what);
}

export function u64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

/** Of two valid copies the one with the higher sequence number. */
export function readHeader(data: Buffer): Header {
  const copies = [0, BLOCK_BYTES].map((at) => data.subarray(at, at + COPY_BYTES)).filter(isValid);
  const [copy] = copies.sort((a, b) => u64(b, 32) - u64(a, 32));
  need(copy !== undefined, "neither copy of the header is valid");
  const field = (at: number): number => copy.readUInt32LE(at);
  need(field(72) === 0, "incompatible features");
  return {
    pageSize: field(12),
    storeId: copy.subarray(16, 32),
    seed: field(16),
    sequence: u64(copy, 32),
    clean: field(40) === 0,
    generation: field(44),
    salt: field(48),
    chain: field(52),
    segment: field(56),
    nextSalt: field(60),
    catalogRoot: field(76),
    pages: field(80),
    freeList: field(84),
    lastGeneration: field(88),
    commit: u64(copy, 96),
  };
}

function isValid(copy: Buffer): boolean {
  return (
    copy.length === COPY_BYTES &&
    copy.toString("latin1", 0, 8) === "ESPALIER" &&
    copy.readUInt32LE(8) === 1 &&
    copy.readUInt32LE(CRC_AT) === crc32(copy.subarray(0, CRC_AT))
  );
}
