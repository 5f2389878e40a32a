/**
 * espalier/level: the store as an abstract-level database. Needs the package abstract-level beside it; the
 * store itself does not know of this folder.
 */

export { LevelAbortError, LevelError, type LevelErrorCode } from "./errors.js";
export { EspalierLevel } from "./espalier-level.js";
export type {
  AdditionalIteratorOptions,
  BatchOptions,
  ChainedBatch,
  ChainedBatchWriteOptions,
  ClearOptions,
  DatabaseOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  IteratorOptions,
  KeyIteratorOptions,
  OpenOptions,
  PutOptions,
  ReadOptions,
  StartEndOptions,
  ValueIteratorOptions,
  WriteOptions,
} from "./options.js";
