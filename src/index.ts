/**
 * espalier: an embedded, ordered key-value store. One file, a B+tree, leaves edited in place.
 */

export {
  ClosedError,
  CorruptionError,
  DiskFullError,
  EncodingError,
  EspalierError,
  type EspalierErrorCode,
  ExistsError,
  IoError,
  KeyTooLargeError,
  LegacyFormatError,
  LockedError,
  type LockHolder,
  LogMissingError,
  MigratingError,
  NewerFormatError,
  NotAStoreError,
  NotFoundError,
  OptionError,
  PlatformError,
  PoisonedError,
  ReadOnlyError,
  TransactionError,
  ValueTooLargeError,
} from "./base/errors.js";
export type { EventKind, EventMessage } from "./base/events.js";
export type { StoreMetrics } from "./base/metrics.js";
export type { BackupOptions, Progress } from "./store/backup.js";
export type { WriteOptions } from "./store/call-options.js";
export type { CompactOptions, CompactReport } from "./store/compact.js";
export { open } from "./store/open.js";
export type { Durability, KeyEncoding, StoreOptions, TreeOptions, ValueEncoding } from "./store/options.js";
export type { RangeIterator } from "./store/range.js";
export type { BoundOptions, RangeOptions } from "./store/range-options.js";
export type { Snapshot, SnapshotTree } from "./store/snapshot.js";
export type { StoreStats } from "./store/stats.js";
export type { Store, StoreOperation, TypedOperation } from "./store/store.js";
export type { BatchOperation, TreeHandle } from "./store/tree-handle.js";
export type { VerifiedTree, VerifyProblem, VerifyReport } from "./store/verify.js";
export type { OpenMode, Vfs, VfsFile, VfsKind, VfsStat } from "./vfs/vfs.js";
