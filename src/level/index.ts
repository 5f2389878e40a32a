/**
 * espalier/level: the store as an abstract-level database. Needs the package abstract-level beside it; the
 * store itself does not know of this folder.
 */

export { PackageMissingError } from "../base/package-missing.js";
export { CopyMismatchError, type CopyOptions, type CopyProgress, type CopyReport } from "./copy.js";
export { LevelAbortError, LevelError, type LevelErrorCode } from "./errors.js";
export { EspalierLevel } from "./espalier-level.js";
export { type ExportOptions, exportLevel } from "./export-level.js";
export { type ImportOptions, importLevel } from "./import-level.js";
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
