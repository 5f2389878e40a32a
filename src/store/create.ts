/**
 * Makes a new store: catalogue, empty unnamed tree, clean header; written beside and renamed, so that
 * a file under the store's name is always whole.
 */

import { afterFailure } from "../base/after-failure.js";
import { alignUp, EMPTY_BYTES } from "../base/bytes.js";
import { newStoreId } from "../base/store-id.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import { LeafBuilder } from "../page/leaf-builder.js";
import { encodeStoreHeader, firstPage, freshHeader, HEADER_COPIES } from "../pager/store-header.js";
import { sealPage } from "../tree/bulk-images.js";
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
  const file = vfs.open(temporary, "create", vfs.stat(path) === undefined ? undefined : path);
  try {
    writeFully(file, bytes, 0, bytes.length, 0);
    file.sync();
    file.close();
    vfs.rename(temporary, path);
  } catch (error) {
    afterFailure(
      () => file.close(),
      () => vfs.unlink(temporary),
    );
    throw error;
  }
  vfs.syncFolderOf(path);
}

function initialBytes(store: NewStore): Uint8Array {
  const { pageSize } = store;
  const first = firstPage(pageSize);
  const root = first + 1;
  const storeId = newStoreId();
  const pages = first + 2;
  const bytes = new Uint8Array(alignUp(pages * pageSize, BLOCK_BYTES));
  const builder = new LeafBuilder(pageSize);
  const record = encodeTreeRecord({
    root,
    keyEncoding: store.keyEncoding,
    valueEncoding: store.valueEncoding,
  });
  const name = Buffer.from(UNNAMED);
  builder.start(EMPTY_BYTES, EMPTY_BYTES);
  builder.add(name, name.length, record, 0, record.length, false);
  const catalog = builder.finish();
  sealPage(catalog, first, 1, storeId);
  bytes.set(catalog, first * pageSize);
  builder.start(EMPTY_BYTES, EMPTY_BYTES);
  const tree = builder.finish();
  sealPage(tree, root, 0, storeId);
  bytes.set(tree, root * pageSize);
  const header = freshHeader(pageSize, storeId, first, pages);
  for (let copy = 0; copy < HEADER_COPIES; copy++) {
    bytes.set(encodeStoreHeader({ ...header, sequence: copy }), copy * BLOCK_BYTES);
  }
  return bytes;
}
