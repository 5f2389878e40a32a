/** Databases for tests: in memory, or in a folder of their own; closed and removed after each test. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { type DatabaseOptions, EspalierLevel } from "../../../src/level/index.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";

/** Making a larger one takes longer than a test. */
const CACHE_BYTES: number = 1024 * 1024;

const opened: { close(): Promise<void> }[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const db of opened.splice(0)) await db.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is there and empty. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "espalier-level-"));
  folders.push(folder);
  return folder;
}

/** Has the database closed at the end of the test. */
export function closing<T extends { close(): Promise<void> }>(db: T): T {
  opened.push(db);
  return db;
}

/** Opened, in memory and with a small cache unless the options say otherwise. */
export async function openLevel<K = string, V = string>(
  options: DatabaseOptions<K, V> = {},
): Promise<EspalierLevel<K, V>> {
  const small = { vfs: new MemoryVfs(), cacheBytes: CACHE_BYTES };
  const db = closing(new EspalierLevel<K, V>("/db.esp", { ...small, ...options }));
  await db.open();
  return db;
}

/** The codes of an error and of its causes, from the outside in. */
export async function codesOf(action: () => unknown): Promise<string[]> {
  const codes: string[] = [];
  try {
    await action();
  } catch (thrown) {
    for (let error = thrown; error instanceof Error; error = error.cause)
      codes.push((error as NodeJS.ErrnoException).code ?? error.name);
  }
  return codes;
}
