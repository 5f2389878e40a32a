/** The entries and beds that most sections share. */

import type { BedSpec, Entry, FigureSpec, Sizes } from "../plan.js";

/** Records from which a bed is large: its cells do 100,000 operations and more, and have the larger targets. */
export const LARGE_RECORDS = 100_000;

export const ESPALIER: Entry = entry("espalier", "espalier", "put");
export const LMDB: Entry = entry("lmdb", "lmdb (transactionSync)", "put");
export const SQLITE_INTEGER: Entry = entry("better-sqlite3", "better-sqlite3 (INTEGER key)", "put");
export const SQLITE_BLOB: Entry = entry("better-sqlite3-blob", "better-sqlite3 (BLOB key)", "put");
export const SQLITE_TEXT: Entry = entry("better-sqlite3-blob", "better-sqlite3 (TEXT key)", "put");
export const CLASSIC_LEVEL: Entry = entry("classic-level", "classic-level", "put");
export const ROCKSDB: Entry = entry("rocksdb", "rocksdb", "put");

function entry(engine: string, title: string, mode: string): Entry {
  return { id: engine, title, engine, mode };
}

/** An entry in another mode, under another name. */
export function inMode(base: Entry, mode: string, id: string = base.id, title: string = base.title): Entry {
  return { ...base, id, title, mode };
}

/** The durable peers that can hold the keys of a shape. */
export function peersFor(shape: BedSpec["shape"]): Entry[] {
  return shape === "text"
    ? [SQLITE_TEXT, LMDB, CLASSIC_LEVEL, ROCKSDB]
    : [SQLITE_INTEGER, SQLITE_BLOB, LMDB, CLASSIC_LEVEL, ROCKSDB];
}

export function ids(entries: readonly Entry[]): string[] {
  return entries.map(({ id }) => id);
}

/** 8-byte keys and values; text keys and 100-byte values. */
export function bedOf(shape: BedSpec["shape"], records: number, { seed }: Sizes): BedSpec {
  return { shape, records, valueBytes: shape === "text" ? 100 : 8, seed };
}

export function bedTitle({ shape, records, valueBytes }: BedSpec): string {
  const keys = shape === "text" ? "text keys" : "8-byte keys";
  return `${records.toLocaleString("en")} records of ${keys} and ${valueBytes}-byte values`;
}

export function perSecond(name: string): FigureSpec {
  return { name, unit: "/s", better: "higher" };
}

/** Operations of a phase: a tenth of a large bed, at least 100,000 there; all of a small one. */
export function phaseOperations(records: number): number {
  if (records < LARGE_RECORDS) return Math.min(records, 10_000);
  return Math.min(Math.ceil(records / 8), 100_000);
}

/**
 * Operations of the phase `sustained`, half of a large bed; a small one has none. So many that what an engine
 * puts off comes up in it: the flushes and compactions of LSM trees, the checkpoints of others.
 */
export function sustainedOperations(records: number): number {
  return records < LARGE_RECORDS ? 0 : Math.min(Math.floor(records / 2), 500_000);
}
