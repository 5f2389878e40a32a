/** The catalogue of a store at rest, read straight from the file. */

import { readU32 } from "../src/base/bytes.js";
import { CorruptionError } from "../src/base/errors.js";
import type { StoreHeader } from "../src/pager/store-header.js";
import { CATALOG_RECORD_BYTES } from "../src/store/catalog.js";
import { readStoreHeader } from "../src/store/read-header.js";
import type { VfsFile } from "../src/vfs/vfs.js";
import { RefusedError } from "./results.js";
import { StoreLeafDecoder } from "./store-leaf.js";
import { StorePages } from "./store-pages.js";

export interface StoreCatalog {
  readonly header: StoreHeader;
  /** By name; the unnamed tree is "". */
  readonly trees: ReadonlyMap<string, { readonly root: number }>;
  /** Reserved records by name. */
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/** Throws RefusedError for a store that was not closed, CorruptionError. */
export function readCatalog(file: VfsFile, path: string): StoreCatalog {
  const header = readStoreHeader(file, path, true);
  if (!header.clean) throw new RefusedError("it was not closed cleanly; open and close it first");
  const pages = new StorePages(file, header.pageSize, header.storeId);
  const leaf = new StoreLeafDecoder(path, header.pageSize);
  const trees = new Map<string, { root: number }>();
  const records = new Map<string, Uint8Array>();
  const leaves = [...pages.leaves(header.catalogRoot, header.pageCount)];
  for (const page of leaves) {
    leaf.decode(pages.page(page), page, (reference, from) => pages.run(reference, from));
    for (let i = 0; i < leaf.count; i++) {
      const name = Buffer.from(
        leaf.keys.subarray(leaf.keyStart[i]!, leaf.keyStart[i]! + leaf.keyLength[i]!),
      ).toString("utf8");
      const value = leaf.values.slice(leaf.valueStart[i]!, leaf.valueStart[i]! + leaf.valueLength[i]!);
      if (name.startsWith("\0")) records.set(name, value);
      else trees.set(name, { root: rootOf(value, header, path) });
    }
  }
  return { header, trees, records };
}

function rootOf(value: Uint8Array, header: StoreHeader, path: string): number {
  const root = value.length === CATALOG_RECORD_BYTES ? readU32(value, 0) : 0;
  if (root === 0 || root >= header.pageCount) {
    throw new CorruptionError("S3", "a record of the catalogue makes no sense", {
      path,
      page: header.catalogRoot,
      offset: -1,
    });
  }
  return root;
}
