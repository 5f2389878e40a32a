/** classic-level, loaded when it is needed: a LevelDB database as a sorted stream of bytes, in and out. */

import { join } from "node:path";
import { CorruptionError, LockedError, NotFoundError } from "../base/errors.js";
import { PackageMissingError } from "../base/package-missing.js";
import type { Vfs } from "../vfs/vfs.js";
import { isLevelDbFolder } from "./location.js";

export type BytesEntry = [key: Uint8Array, value: Uint8Array];

/** What is used of a classic-level database. */
export interface ClassicDatabase {
  open(): Promise<void>;
  batch(
    operations: readonly { type: "put"; key: Uint8Array; value: Uint8Array }[],
    options: { sync: boolean },
  ): Promise<void>;
  iterator(options: { highWaterMarkBytes: number }): {
    nextv(size: number): Promise<BytesEntry[]>;
    close(): Promise<void>;
  };
  close(): Promise<void>;
}

interface ClassicModule {
  readonly ClassicLevel: {
    new (location: string, options: object): ClassicDatabase;
    destroy(location: string): Promise<void>;
  };
}

/** A name that the compiler does not follow: the package need not be there. */
const PACKAGE: string = "classic-level";
const READ_BYTES: number = 1024 * 1024;

/** Throws PackageMissingError. `load` is there for tests; webpack would look for the name in its bundle. */
export async function loadClassicLevel(
  load: (name: string) => Promise<unknown> = (name) => import(/* webpackIgnore: true */ name),
): Promise<ClassicModule> {
  try {
    return (await load(PACKAGE)) as ClassicModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new PackageMissingError(PACKAGE, { cause: error });
  }
}

/**
 * RocksDB's databases have the names of LevelDB's, and one that has no tables yet its formats, too: LevelDB would open
 * it, and leave what RocksDB opens no more.
 */
function assertLevelDb(vfs: Vfs, folder: string): void {
  if (!isLevelDbFolder(vfs, folder)) throw new NotFoundError(folder, `no LevelDB database in ${folder}`);
  if (vfs.stat(join(folder, "IDENTITY")) !== undefined)
    throw new NotFoundError(folder, `no LevelDB database in ${folder}, but one of RocksDB`);
}

/**
 * Throws NotFoundError, LockedError where the database is open elsewhere, and PackageMissingError. What lies there
 * stays as it is, but for LOG, in which LevelDB notes what it does: it takes the lock first, and then refuses a
 * database that is not to exist.
 */
export async function assertClosed(vfs: Vfs, folder: string): Promise<void> {
  assertLevelDb(vfs, folder);
  const { ClassicLevel } = await loadClassicLevel();
  const probe = new ClassicLevel(folder, { ...BYTES, createIfMissing: false, errorIfExists: true });
  await opened(probe, folder).catch((error: unknown) => {
    if (error instanceof LockedError) throw error;
  });
}

/** Opens a database that is there. Throws NotFoundError, LockedError, and what classic-level throws. */
export async function openClassic(vfs: Vfs, folder: string): Promise<ClassicDatabase> {
  assertLevelDb(vfs, folder);
  const { ClassicLevel } = await loadClassicLevel();
  return await opened(new ClassicLevel(folder, { ...BYTES, createIfMissing: false }), folder);
}

/** Makes a new database. Throws what classic-level throws. */
export async function createClassic(folder: string): Promise<ClassicDatabase> {
  const { ClassicLevel } = await loadClassicLevel();
  return await opened(new ClassicLevel(folder, { ...BYTES, errorIfExists: true }), folder);
}

/** Removes LevelDB's files from a folder, and the folder if nothing else is in it. */
export async function destroyClassic(folder: string): Promise<void> {
  const { ClassicLevel } = await loadClassicLevel();
  await ClassicLevel.destroy(folder);
}

const BYTES = { keyEncoding: "buffer", valueEncoding: "buffer" } as const;

async function opened(db: ClassicDatabase, folder: string): Promise<ClassicDatabase> {
  try {
    await db.open();
    return db;
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    if (cause?.code === "LEVEL_LOCKED")
      throw new LockedError(folder, `${folder} is open elsewhere; close it first`);
    if (cause?.code === "LEVEL_CORRUPTION")
      throw new CorruptionError("LevelDB", cause.message, { path: folder, page: -1, offset: -1 });
    throw cause ?? error;
  }
}

/** All records in key order, in groups that end at `size` records or about a MiB. */
export async function* classicRecords(db: ClassicDatabase, size: number): AsyncGenerator<BytesEntry[]> {
  const iterator = db.iterator({ highWaterMarkBytes: READ_BYTES });
  try {
    for (;;) {
      const entries = await iterator.nextv(size);
      if (entries.length === 0) return;
      yield entries;
    }
  } finally {
    await iterator.close();
  }
}
