/** Which frames of a log count, after docs/format.md. */

import { crc32 } from "node:zlib";
import { BLOCK_BYTES, type Header, need, type StoreFiles, u64 } from "./header.js";

/** The records of a committed transaction, a buffer a frame. */
export interface Transaction {
  readonly commit: number;
  readonly frames: Buffer[];
  /** 0: in the first segment, 1: in the second. */
  readonly segment: number;
}

interface Segment {
  readonly bytes: Buffer;
  readonly generation: number;
  readonly salt: number;
}

const HEADER_BYTES = 40;
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const LAST = 1;
const FIRST = 2;

export interface LogContent {
  /** Those that are committed, in order; none where the store needs no log. */
  readonly transactions: Transaction[];
  /** How many that were not were followed by another. */
  partsDropped: number;
}

export function readLog({ logs }: StoreFiles, header: Header): LogContent {
  const segments = header.clean ? unknownLog(logs, header) : namedLog(logs, header);
  const content: LogContent = { transactions: [], partsDropped: 0 };
  let chain = header.clean ? (segments[0]?.salt ?? 0) : header.chain;
  let durable = 0;
  for (const [i, segment] of segments.entries()) {
    const { stop, last } = follow(segment, i, chain, content);
    chain = last;
    durable = Math.max(durable, claimBehind(segment, stop));
  }
  const { transactions } = content;
  for (const [i, { commit }] of transactions.entries())
    need(commit === header.commit + 1 + i, `commit ${commit} out of turn`);
  need(durable <= header.commit + transactions.length, `W5: commit ${durable} was durable`);
  return content;
}

/** The header's own segment, and the one that follows it. */
function namedLog(logs: StoreFiles["logs"], header: Header): Segment[] {
  const { segment, generation, salt, nextSalt } = header;
  const first = segmentIn(logs[segment], header);
  need(first?.generation === generation && first.salt === salt, "the log is missing");
  const second = segmentIn(logs[1 - segment], header);
  const follows = second?.generation === generation + 1 && (nextSalt === 0 || second.salt === nextSalt);
  need(follows || nextSalt === 0, "the log's second segment is missing");
  return follows ? [first, second] : [first];
}

/** A clean header may be the older of two, and the newer one lost. */
function unknownLog(logs: StoreFiles["logs"], header: Header): Segment[] {
  const newer = logs
    .map((bytes) => segmentIn(bytes, header))
    .filter((s) => s !== undefined)
    .filter((s) => s.generation > header.lastGeneration && isFrameHeader(s, BLOCK_BYTES))
    .filter((s) => !holdsNothing(s, header));
  if (newer.length === 0) return [];
  const first = newer.find((s) => s.generation === header.lastGeneration + 1);
  need(
    first !== undefined && u64(first.bytes, BLOCK_BYTES + 24) === header.commit + 1,
    "a log of a lost header",
  );
  return namedLog(logs, { ...header, ...first, segment: logs.indexOf(first.bytes), nextSalt: 0 });
}

/** Nothing but the frame that says that the file's own commits are durable. */
function holdsNothing(segment: Segment, header: Header): boolean {
  const { bytes } = segment;
  const isEmpty = bytes.readUInt32LE(BLOCK_BYTES + 8) === HEADER_BYTES;
  const endsNone = (bytes.readUInt32LE(BLOCK_BYTES + 12) & LAST) === 0;
  const isNext = u64(bytes, BLOCK_BYTES + 24) === header.commit + 1;
  const next = [BLOCK_BYTES + HEADER_BYTES, 2 * BLOCK_BYTES];
  return isEmpty && endsNone && isNext && !next.some((at) => isFrameHeader(segment, at));
}

function segmentIn(bytes: Buffer | undefined, header: Header): Segment | undefined {
  if (bytes === undefined || bytes.length < BLOCK_BYTES) return undefined;
  const right =
    bytes.toString("latin1", 0, 8) === "ESPLOG01" &&
    bytes.subarray(8, 24).equals(header.storeId) &&
    bytes.readUInt32LE(24) === 1 &&
    bytes.readUInt32LE(28) === header.pageSize &&
    bytes.readUInt32LE(60) === crc32(bytes.subarray(0, 60));
  return right ? { bytes, generation: bytes.readUInt32LE(32), salt: bytes.readUInt32LE(36) } : undefined;
}

/** Follows the chain to its end; adds the transactions that are whole. */
function follow(
  segment: Segment,
  index: number,
  chain: number,
  content: LogContent,
): { stop: number; last: number } {
  const { bytes } = segment;
  let stop = BLOCK_BYTES;
  let last = chain;
  let open: Buffer[] | undefined;
  for (;;) {
    const aligned = Math.ceil(stop / BLOCK_BYTES) * BLOCK_BYTES;
    const at = [stop, aligned].find((place) => isFrame(segment, place, last));
    if (at === undefined) return { stop, last };
    last = bytes.readUInt32LE(at);
    stop = at + bytes.readUInt32LE(at + 8);
    const flags = bytes.readUInt32LE(at + 12);
    if ((flags & FIRST) !== 0) {
      if (open !== undefined) content.partsDropped++;
      open = [];
    }
    need(open !== undefined, `a transaction without its first frame at ${at}`);
    open.push(bytes.subarray(at + HEADER_BYTES, stop));
    if ((flags & LAST) === 0) continue;
    content.transactions.push({ commit: u64(bytes, at + 24), frames: open, segment: index });
    open = undefined;
  }
}

function isFrame(segment: Segment, at: number, chain: number): boolean {
  const { bytes } = segment;
  if (!isFrameHeader(segment, at)) return false;
  const end = at + bytes.readUInt32LE(at + 8);
  return end <= bytes.length && bytes.readUInt32LE(at) === crc32(bytes.subarray(at + 4, end), chain);
}

/** Whether all is right but the checksum, which is not looked at. */
function isFrameHeader({ bytes, salt, generation }: Segment, at: number): boolean {
  if (at + HEADER_BYTES > bytes.length) return false;
  if (bytes.readUInt32LE(at + 16) !== salt || bytes.readUInt32LE(at + 20) !== generation) return false;
  const length = bytes.readUInt32LE(at + 8);
  if (length < HEADER_BYTES || length > FRAME_BYTES_MAX || length % 8 !== 0) return false;
  let mix = 0x9e3779b9;
  for (let word = 8; word < HEADER_BYTES; word += 4) {
    mix = Math.imul(mix ^ bytes.readUInt32LE(at + word), 0x85ebca6b);
    mix ^= mix >>> 15;
  }
  return bytes.readUInt32LE(at + 4) === mix >>> 0;
}

/** The last commit that a frame's header behind the stop says was durable (W5). */
function claimBehind(segment: Segment, stop: number): number {
  let claim = 0;
  for (let at = stop; at < segment.bytes.length; at += 8)
    if (isFrameHeader(segment, at)) claim = Math.max(claim, u64(segment.bytes, at + 32));
  return claim;
}
