/**
 * Copies a LevelDB database into a new store. The store is built under another name and takes its own only
 * when it is whole and its content has the digest of what was read.
 */

import { afterFailure } from "../base/after-failure.js";
import { KeyTooLargeError, OptionError } from "../base/errors.js";
import { keyBytesMax } from "../page/limits.js";
import { PAGE_SIZE_MAX } from "../pager/store-header.js";
import { assertWorkOptions } from "../store/call-options.js";
import { ContentDigest } from "../store/content-digest.js";
import { open } from "../store/open.js";
import { assertFree, takeName } from "../vfs/new-name.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import { leftScratch, scratchName } from "../vfs/scratch-name.js";
import { assertClosed, type BytesEntry, classicRecords, openClassic } from "./classic-level.js";
import { assertSameDigest, type CopyOptions, type CopyReport } from "./copy.js";
import { assertSoundLevelDb } from "./leveldb-check.js";
import { removeStoreFiles } from "./location.js";

/** What an import may be told. */
export interface ImportOptions extends CopyOptions {
  /** Of the new store. Default: 4096, or what the longest key needs. */
  readonly pageSize?: number;
}

const BATCH_RECORDS = 10_000;
const PAGE_SIZE_DEFAULT = 4096;

/**
 * Copies the database in `folder` into a new store at `file`, with keys and values as they are: EspalierLevel
 * opens it. The database must not be open elsewhere; opening it lets LevelDB tidy up its log.
 *
 * Throws ExistsError where `file` is there, NotFoundError, LockedError, PackageMissingError (classic-level),
 * CorruptionError where a checksum of the database does not match (LevelDB itself would leave out or take what is
 * damaged), OptionError where a key is too long for the page size, CopyMismatchError, the signal's reason, and what the file systems throw.
 * Nothing is left at `file` then.
 */
export async function importLevel(
  folder: string,
  file: string,
  options: ImportOptions = {},
): Promise<CopyReport> {
  assertWorkOptions(options, ["pageSize"]);
  assertFree(nodeVfs, file);
  // Files that another process writes look damaged, or are gone before they are read.
  await assertClosed(nodeVfs, folder);
  await assertSoundLevelDb(nodeVfs, folder, options.signal);
  let pageSize = options.pageSize ?? PAGE_SIZE_DEFAULT;
  for (;;) {
    try {
      return await importWith(pageSize, folder, file, options);
    } catch (error) {
      if (!(error instanceof KeyTooLargeError)) throw error;
      const needed = pageSizeFor(error.bytes);
      if (options.pageSize !== undefined) throw tooLong(error.bytes, needed);
      pageSize = needed;
    }
  }
}

/** The smallest page size whose keys may be so long. Throws OptionError. */
function pageSizeFor(keyBytes: number): number {
  let pageSize = PAGE_SIZE_DEFAULT;
  while (keyBytesMax(pageSize) < keyBytes) {
    pageSize *= 2;
    if (pageSize > PAGE_SIZE_MAX)
      throw new OptionError("pageSize", `no page size takes a key of ${keyBytes} bytes`);
  }
  return pageSize;
}

function tooLong(keyBytes: number, needed: number): OptionError {
  return new OptionError("pageSize", `a key of ${keyBytes} bytes needs pages of ${needed} bytes or more`);
}

async function importWith(
  pageSize: number,
  folder: string,
  file: string,
  options: ImportOptions,
): Promise<CopyReport> {
  const source = await openClassic(nodeVfs, folder);
  const temporary = scratchName(file, "import");
  try {
    for (const left of leftScratch(nodeVfs, file, "import")) removeStoreFiles(nodeVfs, left);
    const report = await fill(temporary, pageSize, classicRecords(source, BATCH_RECORDS), options);
    takeName(nodeVfs, temporary, file);
    nodeVfs.syncFolderOf(file);
    return report;
  } catch (error) {
    afterFailure(() => removeStoreFiles(nodeVfs, temporary));
    throw error;
  } finally {
    await source.close();
  }
}

async function fill(
  file: string,
  pageSize: number,
  records: AsyncIterable<BytesEntry[]>,
  { onProgress, signal }: ImportOptions,
): Promise<CopyReport> {
  using store = open<Uint8Array, Uint8Array>(file, {
    pageSize,
    durability: "none",
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  const digest = new ContentDigest();
  for await (const entries of records) {
    signal?.throwIfAborted();
    store.putMany(entries);
    for (const [key, value] of entries) digest.add(key, value);
    onProgress?.({ phase: "copying", records: digest.records, total: 0 });
  }
  const report: CopyReport = { records: digest.records, bytes: digest.bytes, digest: digest.finish() };
  store.checkpoint();
  onProgress?.({ phase: "verifying", records: 0, total: report.records });
  const verified = store.verify();
  assertSameDigest(file, report.digest, verified.ok ? verified.digest : "none: the copy is damaged");
  onProgress?.({ phase: "verifying", records: report.records, total: report.records });
  return report;
}
