/**
 * open(): finds out what the file is, takes the lock, makes or recovers the store.
 */

import { afterFailure } from "../base/after-failure.js";
import { ExistsError, NotAStoreError, NotFoundError } from "../base/errors.js";
import { hasListeners, publish } from "../base/events.js";
import { createMetrics } from "../base/metrics.js";
import { ThreadSync } from "../log/sync-thread.js";
import { checkPage } from "../page/page-check.js";
import { splitRedo } from "../page/split-redo.js";
import { DataFile } from "../pager/data-file.js";
import { Pager } from "../pager/pager.js";
import { recover } from "../pager/recovery.js";
import type { StoreHeader } from "../pager/store-header.js";
import { acquireLock, type Lock } from "../vfs/lock.js";
import type { VfsFile } from "../vfs/vfs.js";
import { readPath } from "./call-options.js";
import { assertEncodings, Catalog, UNNAMED } from "./catalog.js";
import { createStore } from "./create.js";
import { Engine } from "./engine.js";
import { readOptions, type Settings, type StoreOptions } from "./options.js";
import { readStoreHeader } from "./read-header.js";
import { Store } from "./store.js";

/**
 * Opens the store at `path`, a name or a `file:` URL, making it where it is missing; recovers it where it was not closed.
 *
 * Throws OptionError, NotFoundError, ExistsError, LockedError (which names the holder),
 * NotAStoreError, LegacyFormatError (which names the command that converts), MigratingError,
 * NewerFormatError, LogMissingError, CorruptionError, EncodingError, DiskFullError, IoError, PoisonedError (the write of
 * a header failed in the recovery: open it again). What is no store is left untouched.
 *
 * An open store does not keep the process running. One that ends without `close()` leaves the log and the lock file;
 * the next `open()` takes the lock over and recovers every commit that had returned.
 *
 * Costs a few milliseconds, and after a crash the replay of the log. Leaves a store as it is that is there and was
 * closed: its log begins with the first change, which takes a millisecond or two longer than the next ones.
 */
export function open<K = string, V = unknown>(path: string | URL, options: StoreOptions = {}): Store<K, V> {
  const settings = readOptions(options);
  const { vfs } = settings;
  const canonical = vfs.canonical(readPath(path));
  // Before the lock is taken: what is no store is not to get a lock file beside it.
  inspect(canonical, settings);
  const lock = acquireLock(vfs, canonical, {
    timeoutMs: settings.lockTimeoutMs,
    readOnly: settings.readOnly,
  });
  try {
    return openLocked<K, V>(canonical, settings, lock);
  } catch (error) {
    afterFailure(() => lock.release());
    throw error;
  }
}

/** Throws where the file cannot be opened as a store; returns whether there is one. */
function inspect(path: string, settings: Settings): boolean {
  const { vfs } = settings;
  const stat = vfs.stat(path);
  if (stat !== undefined && stat.kind !== "file")
    throw new NotAStoreError(path, `it is a ${stat.kind === "folder" ? "folder" : "device or pipe"}`);
  const exists = stat !== undefined && stat.size > 0;
  if (exists && settings.errorIfExists) throw new ExistsError(path);
  if (!exists && (settings.readOnly || !settings.createIfMissing)) throw new NotFoundError(path);
  if (!exists) return false;
  const file = vfs.open(path, "read");
  try {
    readStoreHeader(file, path, settings.readOnly);
  } finally {
    file.close();
  }
  return true;
}

function openLocked<K, V>(path: string, settings: Settings, lock: Lock): Store<K, V> {
  const { vfs } = settings;
  const isNew = !inspect(path, settings);
  if (isNew) {
    createStore(vfs, path, {
      pageSize: settings.pageSize,
      keyEncoding: settings.keyEncoding ?? "utf8",
      valueEncoding: settings.valueEncoding ?? "json",
    });
  }
  const file = vfs.open(path, settings.readOnly ? "read" : "write");
  try {
    lock.fileOpened();
    const header = readStoreHeader(file, path, settings.readOnly);
    const engine = startEngine(path, settings, file, header);
    const catalog = new Catalog(engine);
    const record = catalog.tree(UNNAMED, -1);
    if (record === undefined) throw new NotAStoreError(path, "its catalogue does not name the unnamed tree");
    assertEncodings(UNNAMED, record, wantedEncodings(settings));
    // It is going to be written, and its creation waits for the disk in any case: its first commit need not.
    if (isNew) engine.pager.beginSession();
    return new Store<K, V>(engine, catalog, lock, settings, path);
  } catch (error) {
    afterFailure(() => file.close());
    throw error;
  }
}

function wantedEncodings(settings: Settings): Parameters<typeof assertEncodings>[2] {
  const { keyEncoding, valueEncoding } = settings;
  return { ...(keyEncoding && { keyEncoding }), ...(valueEncoding && { valueEncoding }) };
}

function startEngine(path: string, settings: Settings, file: VfsFile, header: StoreHeader): Engine {
  const metrics = createMetrics();
  const pager = new Pager({
    vfs: settings.vfs,
    path,
    data: new DataFile(file, header.pageSize, settings.maxBytes, metrics.pager),
    header,
    cacheBytes: settings.cacheBytes,
    logBytes: settings.logBytes,
    readOnly: settings.readOnly,
    metrics,
    checkPage,
    redoSplit: splitRedo(header.pageSize),
    background: new ThreadSync(),
  });
  const start = performance.now();
  const report = recover(pager, settings.vfs, path);
  const engine = new Engine(pager, settings.durability, settings.profile);
  if (report.logBytes > 0 && hasListeners("recovery")) {
    publish("recovery", {
      store: engine.storeId,
      transactions: report.transactions,
      log_bytes: report.logBytes,
      ms: performance.now() - start,
    });
  }
  return engine;
}
