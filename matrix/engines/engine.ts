/**
 * The one interface behind which every engine is measured. An adapter does what a careful user of that
 * package would do: its fastest documented way that still keeps the stated durability.
 */

import type {
  Census,
  CounterTree,
  DurabilityClass,
  EngineFamily,
  ShapeName,
  WorkloadName,
} from "../results/document.js";
import type { Key, KeyForm } from "../streams/shapes.js";

/** A store opened by an adapter. Keys come in the adapter's own form for the shape. */
export interface EngineStore {
  /**
   * Runs `work` as one atomic commit. When this returns (or its promise settles) the commit is as durable
   * as the engine's class says. Reads inside see the writes before them if `readsOwnWrites` says so.
   */
  transaction(work: () => void): void | Promise<void>;
  /** Runs `work`, which only calls `get`, in one read transaction where that makes reads faster. */
  reading(work: () => void): void;
  /** Only inside `transaction`. */
  put(key: Key, value: Buffer): void;
  /** Only inside `transaction`. */
  delete(key: Key): void;
  /** Records in ascending order; only inside `transaction`. */
  putMany(records: readonly KeyedValue[]): void;
  /** A copy of the value that the caller may keep, or undefined or null. */
  get(key: Key): Uint8Array | undefined | null;
  /** The promises of an abstract-level database; only on engines that are one. */
  readonly level?: LevelReads;
  /** Visits records from `from` (or from the end) on, reading keys and values; returns how many. */
  scan(range: ScanRange): number | Promise<number>;
  /** Every record in key order, keys as bytes. Not measured: for the content hash. */
  entries(): AsyncIterable<readonly [Uint8Array, Uint8Array]>;
  /** The engine's own counters, where it has any. */
  counters(): CounterTree | null;
  /** What made the legacy ways rebuild leaves; null for every other engine. */
  census(): Census | null;
  /** Closes cleanly: afterwards the files alone hold everything. */
  close(): void | Promise<void>;
}

/** Reads as the Level ecosystem makes them. */
export interface LevelReads {
  get(key: Key): Promise<Uint8Array | undefined>;
  /** The records of a range, by one `all()`; returns how many. */
  all(range: ScanRange): Promise<number>;
}

/** A record as an application would hold it ready for a bulk load. */
export type KeyedValue = readonly [key: Key, value: Buffer];

/** A range to scan: all of it, or `limit` records from a key on. */
export interface ScanRange {
  readonly from: Key | null;
  readonly reverse: boolean;
  readonly limit: number;
}

/** What an adapter is asked to open. */
export interface OpenRequest {
  /** A folder of its own, which exists. */
  readonly folder: string;
  readonly shape: ShapeName;
  /** Collect timings that cost throughput. */
  readonly profile: boolean;
  /** The size of the engine's own cache, where it has one; the adapter's default, 128 MiB, otherwise. */
  readonly cacheBytes?: number;
}

/** An engine as the matrix knows it, whether it is installed or not. */
export interface Engine {
  readonly id: string;
  readonly title: string;
  readonly family: EngineFamily;
  /** The npm package, null for what comes with Node or with espalier. */
  readonly package: string | null;
  readonly durability: DurabilityClass;
  /** What it is opened with and what a commit syncs, in a sentence. */
  readonly settings: string;
  /** Whether reads inside a transaction see that transaction's writes. */
  readonly readsOwnWrites: boolean;
  /** The form in which it wants the keys of a shape. */
  keyForm(shape: ShapeName): KeyForm;
  /** Why this engine has no such cell; null when it has. */
  unsupported(workload: WorkloadName, shape: ShapeName): string | null;
  /** Whether its stores have `level`. */
  readonly isLevel?: boolean;
  /** Files of an open store that a crash image must leave out (locks that name a live holder). */
  readonly lockFiles: RegExp | null;
  /** Finds out whether it can be used here. */
  probe(): Promise<Presence>;
  /** Opens or creates the store in a folder. Throws when the engine is not present. */
  open(request: OpenRequest): Promise<EngineStore>;
}

/** Whether an engine can be used, in which version, and else why not and what would help. */
export interface Presence {
  readonly present: boolean;
  readonly version: string | null;
  readonly reason: string | null;
  readonly install: string | null;
}
