/**
 * The header that a store was opened by comes from the page cache, and may not be on the disk: its writer was
 * killed before the sync, or the sync failed, after which the cache still shows what no later sync writes.
 */

import { CorruptionError } from "../base/errors.js";
import { hasLog } from "../log/found-segments.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import type { Vfs } from "../vfs/vfs.js";
import type { DataFile } from "./data-file.js";
import { readFreeList } from "./free-list.js";
import { HEADER_COPIES, headerIn, type StoreHeader } from "./store-header.js";

/**
 * Before anything is overwritten that the older copy of the header needs: makes the one in force durable.
 * It is written once more where it may be missing on the disk. That cannot tear the only good copy: whoever
 * has taken away what the older one needs had this one on the disk before. Throws IoError, DiskFullError.
 */
export function makeHeaderDurable(vfs: Vfs, path: string, data: DataFile, header: StoreHeader): void {
  const copies = readCopies(data);
  const older = headerAt(copies, header.sequence + 1);
  if (older?.sequence === header.sequence - 1 && suffices(vfs, path, data, older)) {
    const at = placeOf(header.sequence);
    data.write(copies, at, BLOCK_BYTES, at);
  }
  data.sync();
}

/** Of a store as it was opened: a copy of its header is damaged and no log is there. Whether it knew of one, nobody can tell. */
export function mayLackLog(data: DataFile, header: StoreHeader): boolean {
  return header.log === undefined && wholeHeaders(data) < HEADER_COPIES;
}

/** How many copies of the header are whole. */
export function wholeHeaders(data: DataFile): number {
  const copies = readCopies(data);
  let whole = 0;
  for (let sequence = 0; sequence < HEADER_COPIES; sequence++)
    if (headerAt(copies, sequence) !== undefined) whole++;
  return whole;
}

function readCopies(data: DataFile): Uint8Array {
  const copies = new Uint8Array(HEADER_COPIES * BLOCK_BYTES);
  data.read(copies, 0, copies.length, 0);
  return copies;
}

function placeOf(sequence: number): number {
  return (sequence % HEADER_COPIES) * BLOCK_BYTES;
}

/** The copy in the place of the header with this sequence number. */
function headerAt(copies: Uint8Array, sequence: number): StoreHeader | undefined {
  return headerIn(copies.subarray(placeOf(sequence), placeOf(sequence) + BLOCK_BYTES));
}

/** Whether all is there that opening by this header takes: pages, free list, log. */
function suffices(vfs: Vfs, path: string, data: DataFile, header: StoreHeader): boolean {
  const { storeId, pageSize, pageCount, log } = header;
  if (data.pageSize !== pageSize || data.file.size() < pageCount * pageSize) return false;
  if (log !== undefined && !hasLog(vfs, path, storeId, log)) return false;
  try {
    readFreeList(data, header);
    return true;
  } catch (error) {
    if (error instanceof CorruptionError) return false;
    throw error;
  }
}
