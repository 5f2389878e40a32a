/**
 * Copies a store into a new LevelDB database. It is built in a folder of another name and takes its own only
 * when it is whole and its content has the digest of what was read.
 */

import { resolve } from "node:path";
import { NotFoundError } from "../base/errors.js";
import { assertWorkOptions } from "../store/call-options.js";
import { Catalog, UNNAMED } from "../store/catalog.js";
import { ContentDigest } from "../store/content-digest.js";
import { open } from "../store/open.js";
import { rawTree } from "../store/raw-tree.js";
import type { Store } from "../store/store.js";
import type { TreeHandle } from "../store/tree-handle.js";
import { assertFree } from "../vfs/new-name.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import { leftScratch, scratchName } from "../vfs/scratch-name.js";
import {
  type BytesEntry,
  classicRecords,
  createClassic,
  destroyClassic,
  openClassic,
} from "./classic-level.js";
import { assertSameDigest, type CopyOptions, type CopyReport } from "./copy.js";
import { placeOf } from "./location.js";

/** What an export may be told. */
export interface ExportOptions extends CopyOptions {
  /** A named tree; the unnamed one by default. */
  readonly tree?: string;
}

const BATCH_RECORDS = 1000;
const BATCH_BYTES: number = 4 * 1024 * 1024;

/**
 * Copies one tree of the store at `location` (its file, or the folder of an EspalierLevel) into a new LevelDB
 * database in `folder`, keys and values as the bytes that they are. Opens the store read-only.
 *
 * Throws ExistsError where `to` is there, NotFoundError where the store or the tree is not, LockedError,
 * PackageMissingError (classic-level), CopyMismatchError, the signal's reason, and what the file systems
 * throw. Nothing is left at `to` then.
 */
export async function exportLevel(
  location: string,
  to: string,
  options: ExportOptions = {},
): Promise<CopyReport> {
  assertWorkOptions(options, ["tree"]);
  const folder = resolve(to);
  assertFree(nodeVfs, folder);
  if (nodeVfs.stat(location) === undefined) throw new NotFoundError(location);
  using store = open<unknown, unknown>(placeOf(nodeVfs, location).file, { readOnly: true });
  const tree = bytesOf(store, options.tree ?? UNNAMED);
  const temporary = scratchName(folder, "export");
  try {
    for (const left of leftScratch(nodeVfs, folder, "export")) await destroyClassic(left);
    const report = await fill(temporary, tree, options);
    await check(temporary, report, options);
    assertFree(nodeVfs, folder);
    nodeVfs.rename(temporary, folder);
    nodeVfs.syncFolderOf(folder);
    return report;
  } catch (error) {
    if (nodeVfs.stat(temporary) !== undefined) await destroyClassic(temporary);
    throw error;
  }
}

/** The tree as encoded bytes, whatever its encodings are. */
function bytesOf(store: Store<unknown, unknown>, name: string): TreeHandle<Uint8Array, Uint8Array> {
  const engine = store["engine"];
  const tree = rawTree(engine, new Catalog(engine), name);
  if (tree === undefined) throw new NotFoundError(name, `the store has no tree "${name}"`);
  return tree.handle;
}

async function fill(
  folder: string,
  tree: TreeHandle<Uint8Array, Uint8Array>,
  { onProgress, signal }: ExportOptions,
): Promise<CopyReport> {
  const digest = new ContentDigest();
  const total = tree.count();
  const db = await createClassic(folder);
  try {
    for (const entries of batches(tree)) {
      signal?.throwIfAborted();
      for (const [key, value] of entries) digest.add(key, value);
      const last = digest.records === total;
      await db.batch(
        entries.map(([key, value]) => ({ type: "put", key, value })),
        { sync: last },
      );
      onProgress?.({ phase: "copying", records: digest.records, total });
    }
  } finally {
    await db.close();
  }
  return { records: digest.records, bytes: digest.bytes, digest: digest.finish() };
}

function* batches(tree: TreeHandle<Uint8Array, Uint8Array>): Generator<BytesEntry[]> {
  let entries: BytesEntry[] = [];
  let bytes = 0;
  for (const entry of tree.range()) {
    entries.push(entry);
    bytes += entry[0].length + entry[1].length;
    if (entries.length < BATCH_RECORDS && bytes < BATCH_BYTES) continue;
    yield entries;
    entries = [];
    bytes = 0;
  }
  if (entries.length > 0) yield entries;
}

/** Reads the copy again, as LevelDB opens it. */
async function check(
  folder: string,
  { digest, records: total }: CopyReport,
  { onProgress, signal }: ExportOptions,
): Promise<void> {
  const written = new ContentDigest();
  const db = await openClassic(nodeVfs, folder);
  try {
    for await (const entries of classicRecords(db, BATCH_RECORDS)) {
      signal?.throwIfAborted();
      for (const [key, value] of entries) written.add(key, value);
      onProgress?.({ phase: "verifying", records: written.records, total });
    }
  } finally {
    await db.close();
  }
  assertSameDigest(folder, digest, written.finish());
}
