/**
 * One legacy log file or segment, frame by frame: which frames are valid, and how the file ends.
 *
 * A frame is valid if its header checksum, its image checksum and its "previous chain" field are right;
 * the first that is not ends the log. How it ends matters to someone who is about to throw the log away:
 *
 * - "clean": nothing, or only zeroes, after the last valid frame;
 * - "torn": a frame was cut off, or ends in zeroes, as an interrupted write leaves it;
 * - "damaged": a whole frame is there and wrong, or a later frame is valid. No interrupted write does that,
 *   so changes that the application saw as done would be lost by reading on without them.
 */

import { crc32 } from "node:zlib";
import { CorruptionError } from "../../src/base/errors.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { readU16, readU32, readU64, readU64Exact } from "./big-endian.js";
import {
  FORMAT_VERSION,
  FRAME_HEADER_BYTES,
  LOG_HEADER_BYTES,
  MAGIC_LOG,
  PAGE_NUMBER_MAX,
} from "./layout.js";
import { isZero } from "./page-check.js";

export type LogEnd = "clean" | "torn" | "damaged";

export interface LogHeader {
  readonly pageSize: number;
  readonly salt: bigint;
  readonly startLsn: number;
}

/** Called for each valid frame; `image` is reused. Returning false ends the log before this frame. */
export type FrameVisitor = (lsn: number, page: number, imageAt: number, image: Uint8Array) => boolean;

export interface LogScan {
  readonly frames: number;
  /** The running chain value after the last valid frame, as stored in the next one. */
  readonly chain: bigint;
  readonly lastLsn: number;
  readonly end: LogEnd;
  /** Where the valid part ends. */
  readonly endAt: number;
  readonly reason: string;
}

/** A write that was cut off leaves at least this many zero bytes at the end of what it did not reach. */
const TORN_ZEROES = 64;

/**
 * Reads the header of a log file. Undefined where there is none: an empty file, or zeroes (a segment made
 * in advance). Throws CorruptionError (G8) where it is damaged or of another page size.
 */
export function readLogHeader(file: VfsFile, pageSize: number): LogHeader | undefined {
  const header = new Uint8Array(LOG_HEADER_BYTES);
  const length = readFully(file, header, 0, LOG_HEADER_BYTES, 0);
  if (length === 0 || (length === LOG_HEADER_BYTES && isZero(header))) return undefined;
  const bad = (reason: string, at: number): CorruptionError =>
    new CorruptionError("G8", reason, { path: file.path, page: -1, offset: at });
  if (length < LOG_HEADER_BYTES) throw bad(`the log header is cut off after ${length} bytes`, length);
  if (readU32(header, 0) !== MAGIC_LOG) throw bad("the log does not begin with SOMW", 0);
  const stored = readU32(header, 28);
  header.fill(0, 28);
  if (crc32(header) !== stored) throw bad("the checksum of the log header does not match", 28);
  if (readU16(header, 4) !== FORMAT_VERSION) throw bad(`log version ${readU16(header, 4)} is not known`, 4);
  if (readU32(header, 8) !== pageSize) throw bad(`the log is for pages of ${readU32(header, 8)} bytes`, 8);
  const startLsn = readU64(header, 20);
  if (startLsn > Number.MAX_SAFE_INTEGER) throw bad("the start LSN is impossibly large", 20);
  return { pageSize, salt: readU64Exact(header, 12), startLsn };
}

/**
 * Visits the valid frames of `file` in order. `chain` is the value that the first frame must name; in a
 * segment that is not the first, 0 is accepted too (the original checks each segment from 0). Cost: reads
 * the file once. Throws CorruptionError (G8) for a valid frame below the start LSN or with an impossible
 * page number.
 */
export function scanFrames(file: VfsFile, header: LogHeader, chain: bigint, visit: FrameVisitor): LogScan {
  const scanner = new FrameScanner(file, header);
  return scanner.run(chain, visit);
}

class FrameScanner {
  readonly #file: VfsFile;
  readonly #header: LogHeader;
  readonly #frameBytes: number;
  readonly #frame: Uint8Array;
  readonly #size: number;
  readonly #chainBytes: Uint8Array = new Uint8Array(8);
  readonly #chainView: DataView = new DataView(this.#chainBytes.buffer);

  constructor(file: VfsFile, header: LogHeader) {
    this.#file = file;
    this.#header = header;
    this.#frameBytes = FRAME_HEADER_BYTES + header.pageSize;
    this.#frame = new Uint8Array(this.#frameBytes);
    this.#size = file.size();
  }

  run(firstChain: bigint, visit: FrameVisitor): LogScan {
    const image = this.#frame.subarray(FRAME_HEADER_BYTES);
    let chain = firstChain;
    let frames = 0;
    let lastLsn = 0;
    let at = LOG_HEADER_BYTES;
    for (;;) {
      const fault = this.#readFrame(at, chain, frames === 0);
      const lsn = readU64(this.#frame, 0);
      if (fault !== undefined)
        return { frames, chain, lastLsn, endAt: at, ...this.#ending(at, fault, lastLsn) };
      const page = readU64(this.#frame, 8);
      if (lsn < this.#header.startLsn || lsn > Number.MAX_SAFE_INTEGER) {
        throw this.#bad(`a frame has LSN ${lsn}, the log begins at ${this.#header.startLsn}`, at);
      }
      if (page > PAGE_NUMBER_MAX) throw this.#bad(`a frame holds page ${page}`, at + 8);
      if (!visit(lsn, page, at + FRAME_HEADER_BYTES, image)) {
        return {
          frames,
          chain,
          lastLsn,
          endAt: at,
          end: "clean",
          reason: "frames that were never made durable",
        };
      }
      chain = this.#chainAfter(readU64Exact(this.#frame, 16));
      frames++;
      lastLsn = lsn;
      at += this.#frameBytes;
    }
  }

  /** Undefined where a valid frame lies at `at`, else what is wrong with it. */
  #readFrame(at: number, chain: bigint, first: boolean): string | undefined {
    const length = readFully(this.#file, this.#frame, 0, this.#frameBytes, at);
    if (length < this.#frameBytes) return length === 0 ? "" : "cut off";
    if (isZero(this.#frame, 0, FRAME_HEADER_BYTES)) return "";
    if (!this.#headerMatches()) return "the checksum of its header does not match";
    if (crc32(this.#frame.subarray(FRAME_HEADER_BYTES)) !== readU32(this.#frame, 24)) {
      return "the checksum of its page image does not match";
    }
    const named = readU64Exact(this.#frame, 16);
    if (named !== chain && !(first && named === 0n)) return "it does not follow the frame before it";
    return undefined;
  }

  #headerMatches(): boolean {
    const stored = readU32(this.#frame, 28);
    this.#frame.fill(0, 28, 32);
    const sum = crc32(this.#frame.subarray(0, FRAME_HEADER_BYTES));
    new DataView(this.#frame.buffer).setUint32(28, stored);
    return sum === stored;
  }

  #chainAfter(before: bigint): bigint {
    this.#chainView.setBigUint64(0, before);
    return (BigInt(this.#frameBytes) << 32n) | BigInt(crc32(this.#frame, crc32(this.#chainBytes)));
  }

  #ending(at: number, fault: string, lastLsn: number): { end: LogEnd; reason: string } {
    const whole = this.#size - at >= this.#frameBytes;
    const floor = Math.max(this.#header.startLsn, lastLsn);
    const zeroTail = isZero(this.#frame, this.#frameBytes - TORN_ZEROES);
    if (fault !== "" && whole && !zeroTail && !this.#isLeftover()) {
      return { end: "damaged", reason: `the frame at ${at} is whole, but ${fault}` };
    }
    const later = this.#laterFrame(at + this.#frameBytes, floor);
    if (later >= 0)
      return { end: "damaged", reason: `the frame at ${at} is not valid, but one at ${later} is` };
    if (fault === "") return { end: "clean", reason: "" };
    return { end: "torn", reason: `the frame at ${at} was not written whole` };
  }

  /** A valid frame of an earlier use of this segment. */
  #isLeftover(): boolean {
    return this.#headerMatches() && readU64(this.#frame, 0) < this.#header.startLsn;
  }

  /** Offset of a frame with a right header and an LSN of this log from `from` on, or -1. */
  #laterFrame(from: number, floor: number): number {
    for (let at = from; at + this.#frameBytes <= this.#size; at += this.#frameBytes) {
      readFully(this.#file, this.#frame, 0, FRAME_HEADER_BYTES, at);
      if (isZero(this.#frame, 0, FRAME_HEADER_BYTES)) continue;
      if (this.#headerMatches() && readU64(this.#frame, 0) >= floor) return at;
    }
    return -1;
  }

  #bad(reason: string, at: number): CorruptionError {
    return new CorruptionError("G8", reason, { path: this.#file.path, page: -1, offset: at });
  }
}
