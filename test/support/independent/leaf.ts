/** Leaves, after docs/format.md: read with all that must hold (L1 to L8), and built as a split leaves them. */

import { need } from "./header.js";

export interface LeafRecord {
  readonly key: Buffer;
  /** The value, or the reference to its overflow run. */
  readonly value: Buffer;
  readonly overflow: boolean;
}

export interface Leaf {
  readonly low: Buffer;
  readonly high: Buffer;
  readonly records: LeafRecord[];
}

const HEADER_BYTES = 32;
const SLOT_BYTES = 8;
const OVERFLOW = 0x8000;

export function sharedPrefix(a: Buffer, b: Buffer): Buffer {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.subarray(0, length);
}

/** The first four bytes as a big-endian number, padded with zeros. */
export function headOf(bytes: Buffer): number {
  return Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(4)]).readUInt32BE(0);
}

/** Extents lie between `start` and the tail, apart from each other; all else there is holes; open space follows (L4 to L6). */
export function checkArena(
  page: Buffer,
  start: number,
  extents: [from: number, to: number][],
  end: number,
): void {
  const tail = page.readUInt16LE(12);
  let at = start;
  let used = 0;
  for (const [from, to] of extents.sort((a, b) => a[0] - b[0])) {
    need(from >= at && to <= tail, "L4: extents overlap, or leave the arena");
    at = to;
    used += to - from;
  }
  need(tail >= start && tail <= end, "L6: the tail is out of place");
  need(page.readUInt16LE(14) === tail - start - used, "L5: the count of hole bytes is wrong");
}

export function leafOf(page: Buffer): Leaf {
  need(page[8] === 1 && page[9] === 0, "no leaf");
  const slots = page.readUInt16LE(10);
  const between = HEADER_BYTES + page.readUInt16LE(16);
  const start = between + page.readUInt16LE(18);
  const low = page.subarray(HEADER_BYTES, between);
  const high = page.subarray(between, start);
  const prefix = sharedPrefix(low, high);
  need(page.readUInt16LE(20) === prefix.length, "L1: the prefix is not what the fences share");
  const extents: [number, number][] = [];
  const records: LeafRecord[] = [];
  for (let i = 0; i < slots; i++) {
    const slot = page.length - SLOT_BYTES * (i + 1);
    const from = page.readUInt16LE(slot + 4);
    const length = page.readUInt16LE(slot + 6);
    const to = from + (length & ~OVERFLOW);
    const long = page[from]! >= 0x80;
    const keyAt = from + (long ? 2 : 1);
    need(!long || (page[from + 1]! > 0 && page[from + 1]! < 0x80), "L4: a varint is not minimal");
    const keyEnd = keyAt + (long ? (page[from]! & 0x7f) | (page[from + 1]! << 7) : page[from]!);
    need(keyEnd <= to && to <= page.length, "L4: a record leaves its extent");
    const rest = page.subarray(keyAt, keyEnd);
    need(page.readUInt32LE(slot) === headOf(rest), "L3: a head is wrong");
    const key = Buffer.concat([prefix, rest]);
    const before = records.at(-1)?.key;
    need(before === undefined || before.compare(key) < 0, "L8: keys do not ascend");
    need(
      key.compare(low) >= 0 && (high.length === 0 || key.compare(high) < 0),
      "L8: a key beyond the fences",
    );
    extents.push([from, to]);
    records.push({ key, value: page.subarray(keyEnd, to), overflow: (length & OVERFLOW) !== 0 });
  }
  checkArena(page, start, extents, page.length - SLOT_BYTES * slots);
  return { low, high, records };
}

/** Without its number. */
export function buildLeaf(pageSize: number, low: Buffer, high: Buffer, records: LeafRecord[]): Buffer {
  const page = Buffer.alloc(pageSize);
  const prefix = sharedPrefix(low, high).length;
  let at = HEADER_BYTES + low.copy(page, HEADER_BYTES);
  at += high.copy(page, at);
  for (const [i, { key, value, overflow }] of records.entries()) {
    const slot = pageSize - SLOT_BYTES * (i + 1);
    const rest = key.subarray(prefix);
    const varint = rest.length < 0x80 ? [rest.length] : [(rest.length & 0x7f) | 0x80, rest.length >> 7];
    const record = Buffer.concat([Buffer.from(varint), rest, value]);
    need(at + record.length <= pageSize - SLOT_BYTES * records.length, "L7: a half does not fit");
    page.writeUInt32LE(headOf(rest), slot);
    page.writeUInt16LE(at, slot + 4);
    page.writeUInt16LE(record.length | (overflow ? OVERFLOW : 0), slot + 6);
    at += record.copy(page, at);
  }
  page[8] = 1;
  page.writeUInt16LE(records.length, 10);
  page.writeUInt16LE(at, 12);
  page.writeUInt16LE(low.length, 16);
  page.writeUInt16LE(high.length, 18);
  page.writeUInt16LE(prefix, 20);
  return page;
}
