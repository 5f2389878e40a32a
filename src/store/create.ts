/**
 * Makes a new store: catalogue, empty unnamed tree, clean header; written beside and renamed, so that
 * a file under the store's name is always whole.
 */

import { randomBytes } from "node:crypto";
import { EMPTY_BYTES } from "../base/bytes.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import { LeafBuilder } from "../page/leaf-builder.js";
import { AT_NUMBER, AT_RECORDS, checksumSeed, pageChecksum } from "../pager/page-header.js";
import { encodeStoreHeader, firstPage, freshHeader, HEADER_COPIES } from "../pager/store-header.js";
import { removeScratch, scratchName } from "../vfs/scratch-name.js";
import type { Vfs } from "../vfs/vfs.js";
import { writeFully } from "../vfs/whole-io.js";
import { encodeTreeRecord, UNNAMED } from "./catalog.js";
import type { KeyEncoding, ValueEncoding } from "./options.js";

export interface NewStore {
  readonly pageSize: number;
  readonly keyEncoding: KeyEncoding;
  readonly valueEncoding: ValueEncoding;
}

/** Creates the file at `path`, over an empty one if there is one. Throws what the file system throws. */
export function createStore(vfs: Vfs, path: string, store: NewStore): void {
  removeScratch(vfs, path, "new");
  const temporary = scratchName(path, "new");
  const bytes = initialBytes(store);
  // An empty file may lie there, which the store takes the place of.
  const file = vfs.open(temporary, "create", path);
  try {
    writeFully(file, bytes, 0, bytes.length, 0);
    file.sync();
    file.close();
    vfs.rename(temporary, path);
  } catch (error) {
    file.close();
    if (vfs.stat(temporary) !== undefined) vfs.unlink(temporary);
    throw error;
  }
  vfs.syncFolderOf(path);
}

function initialBytes(store: NewStore): Uint8Array {
  const { pageSize } = store;
  const first = firstPage(pageSize);
  const root = first + 1;
  const storeId = new Uint8Array(randomBytes(16));
  const pages = first + 2;
  const bytes = new Uint8Array(Math.ceil((pages * pageSize) / BLOCK_BYTES) * BLOCK_BYTES);
  const builder = new LeafBuilder(pageSize);
  const record = encodeTreeRecord({
    root,
    keyEncoding: store.keyEncoding,
    valueEncoding: store.valueEncoding,
  });
  const name = Buffer.from(UNNAMED);
  builder.start(EMPTY_BYTES, EMPTY_BYTES);
  builder.add(name, name.length, record, 0, record.length, false);
  placePage(bytes, first, builder.finish(), storeId, 1);
  builder.start(EMPTY_BYTES, EMPTY_BYTES);
  placePage(bytes, root, builder.finish(), storeId, 0);
  const header = freshHeader(pageSize, storeId, first, pages);
  for (let copy = 0; copy < HEADER_COPIES; copy++) {
    bytes.set(encodeStoreHeader({ ...header, sequence: copy }), copy * BLOCK_BYTES);
  }
  return bytes;
}

function placePage(
  file: Uint8Array,
  page: number,
  image: Uint8Array,
  storeId: Uint8Array,
  records: number,
): void {
  const offset = page * image.length;
  file.set(image, offset);
  const view = new DataView(file.buffer, offset);
  view.setUint32(AT_NUMBER, page, true);
  view.setUint32(AT_RECORDS, records, true);
  view.setUint32(0, pageChecksum(file, offset, image.length, checksumSeed(storeId)), true);
}
