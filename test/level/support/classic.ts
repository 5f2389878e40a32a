/** classic-level as the tests of copies use it, and databases that it made. */

import { createRequire } from "node:module";
import type { ClassicDatabase } from "../../../src/level/classic-level.js";

export interface Classic extends ClassicDatabase {
  put(key: string, value: string): Promise<void>;
  compactRange(start: string, end: string): Promise<void>;
  sublevel(name: string): { put(key: string, value: string): Promise<void> };
  iterator(
    options?: object,
  ): ReturnType<ClassicDatabase["iterator"]> & { all(): Promise<[string, string][]> };
}

const loaded = createRequire(import.meta.url)("classic-level") as {
  ClassicLevel: new (location: string, options?: object) => Classic;
};
export const ClassicLevel: new (location: string, options?: object) => Classic = loaded.ClassicLevel;

/** A database of so many records, and what `extra` puts into it; returns its folder. */
export async function makeDatabase(
  folder: string,
  records: number,
  extra?: (db: Classic) => Promise<void>,
): Promise<string> {
  const db = new ClassicLevel(folder, { valueEncoding: "utf8" });
  const operations = Array.from({ length: records }, (_, i) => ({
    type: "put" as const,
    key: Buffer.from(`key${(i * 7919) % 1_000_003}`),
    value: Buffer.from(`value ${i} ${"x".repeat(i % 97)}`),
  }));
  await db.batch(operations, { sync: false });
  await extra?.(db);
  await db.close();
  return folder;
}
