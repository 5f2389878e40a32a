/**
 * Every error that espalier throws on purpose. Each class has a stable `code`; the message is for a
 * person, the fields are for a program. Callers should branch on `code`, never on the message.
 */

import { shellWord } from "./shell-word.js";

/**
 * What a program branches on, never the message: each class of errors has one, and it does not change. What to do:
 *
 * - ERR_ESPALIER_NOT_FOUND: look at the path, or let the call make what is missing (`createIfMissing`, `--create`).
 * - ERR_ESPALIER_EXISTS: take another name; nothing is written over.
 * - ERR_ESPALIER_LOCKED: close the store where the message says that it is open, or wait (`lockTimeoutMs`);
 *   `espalier unlock` where the holder is gone.
 * - ERR_ESPALIER_READ_ONLY: open the store without `readOnly` to change it.
 * - ERR_ESPALIER_NOT_A_STORE: the file is something else, or its header is ruined: then `espalier salvage`.
 * - ERR_ESPALIER_LEGACY_FORMAT, ERR_ESPALIER_MIGRATING: run the command that the message names.
 * - ERR_ESPALIER_NEWER_FORMAT: install a newer espalier.
 * - ERR_ESPALIER_LOG_MISSING: put the store's `-log1` and `-log2` back beside it.
 * - ERR_ESPALIER_CORRUPTION: restore a backup; `espalier salvage` reads what the damaged file still holds.
 * - ERR_ESPALIER_KEY_TOO_LARGE: shorten the key, or load the data into a store of larger pages.
 * - ERR_ESPALIER_VALUE_TOO_LARGE: split the value.
 * - ERR_ESPALIER_ENCODING: give keys and values that the tree's encodings take; open a tree with the encodings it has.
 * - ERR_ESPALIER_DISK_FULL: make room, or delete records; the store goes on without being reopened.
 * - ERR_ESPALIER_IO: the operating system refused; `errno` and `path` say what.
 * - ERR_ESPALIER_CLOSED, ERR_ESPALIER_TRANSACTION, ERR_ESPALIER_OPTION: a mistake in the calling code; the message says which.
 * - ERR_ESPALIER_POISONED: look at the disk, then close the store and open it again.
 * - ERR_ESPALIER_PLATFORM: run it on another machine.
 */
export type EspalierErrorCode =
  | "ERR_ESPALIER_NOT_FOUND"
  | "ERR_ESPALIER_EXISTS"
  | "ERR_ESPALIER_LOCKED"
  | "ERR_ESPALIER_READ_ONLY"
  | "ERR_ESPALIER_NOT_A_STORE"
  | "ERR_ESPALIER_LEGACY_FORMAT"
  | "ERR_ESPALIER_NEWER_FORMAT"
  | "ERR_ESPALIER_MIGRATING"
  | "ERR_ESPALIER_LOG_MISSING"
  | "ERR_ESPALIER_CORRUPTION"
  | "ERR_ESPALIER_KEY_TOO_LARGE"
  | "ERR_ESPALIER_VALUE_TOO_LARGE"
  | "ERR_ESPALIER_ENCODING"
  | "ERR_ESPALIER_DISK_FULL"
  | "ERR_ESPALIER_IO"
  | "ERR_ESPALIER_CLOSED"
  | "ERR_ESPALIER_TRANSACTION"
  | "ERR_ESPALIER_POISONED"
  | "ERR_ESPALIER_OPTION"
  | "ERR_ESPALIER_PLATFORM";

/** The base of all espalier errors. */
export class EspalierError extends Error {
  readonly code: EspalierErrorCode;

  constructor(code: EspalierErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The file does not exist and was not to be created. */
export class NotFoundError extends EspalierError {
  readonly path: string;
  constructor(path: string, message = `no store at ${path}`) {
    super("ERR_ESPALIER_NOT_FOUND", message);
    this.path = path;
  }
}

/** A file is there: one that was not to be there, or that lies in the way. */
export class ExistsError extends EspalierError {
  readonly path: string;
  constructor(path: string, message: string = `${path} exists already`) {
    super("ERR_ESPALIER_EXISTS", message);
    this.path = path;
  }
}

/** Who holds a lock, as far as its lock file tells. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  readonly thread: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Where this very process opened the store, if it was this process. */
  readonly openedAt?: string;
}

/** Another opener holds the store. */
export class LockedError extends EspalierError {
  readonly path: string;
  readonly holder: LockHolder | undefined;
  constructor(path: string, message: string, holder?: LockHolder) {
    super("ERR_ESPALIER_LOCKED", message);
    this.path = path;
    this.holder = holder;
  }
}

/** A write on a store that was opened with `readOnly`. */
export class ReadOnlyError extends EspalierError {
  constructor(message = "the store was opened read-only") {
    super("ERR_ESPALIER_READ_ONLY", message);
  }
}

/** The file is something else; it was left untouched. */
export class NotAStoreError extends EspalierError {
  readonly path: string;
  constructor(path: string, reason: string) {
    super("ERR_ESPALIER_NOT_A_STORE", `${path} is not an espalier store: ${reason}`);
    this.path = path;
  }
}

/** A legacy tree file; the message names the command that converts it. */
export class LegacyFormatError extends EspalierError {
  readonly path: string;
  /** "gen1", "gen2" or "gen3" where the bytes tell, else "unknown". */
  readonly generation: string;
  constructor(path: string, generation: string) {
    const which = generation === "unknown" ? "a legacy tree file" : `a legacy tree file (${generation})`;
    super(
      "ERR_ESPALIER_LEGACY_FORMAT",
      `${path} is ${which}; convert it with: espalier migrate run ${shellWord(path)}`,
    );
    this.path = path;
    this.generation = generation;
  }
}

/** A file whose migration has begun and not ended. */
export class MigratingError extends EspalierError {
  readonly path: string;
  constructor(path: string) {
    super(
      "ERR_ESPALIER_MIGRATING",
      `${path} is half converted; go on with: espalier migrate run ${shellWord(path)} (or undo with: espalier migrate rollback ${shellWord(path)})`,
    );
    this.path = path;
  }
}

/** Written by a newer espalier with features that this one does not know. */
export class NewerFormatError extends EspalierError {
  readonly path: string;
  constructor(path: string, reason: string) {
    super("ERR_ESPALIER_NEWER_FORMAT", `${path} needs a newer espalier: ${reason}`);
    this.path = path;
  }
}

/** The data file needs its log, and the log is not there or not its own. */
export class LogMissingError extends EspalierError {
  readonly path: string;
  constructor(path: string, reason: string) {
    super(
      "ERR_ESPALIER_LOG_MISSING",
      `${path} was not closed cleanly and needs its log: ${reason}. Put the log files back beside it; espalier salvage reads what the data file alone holds`,
    );
    this.path = path;
  }
}

/** Where damage was found. */
export interface CorruptionPlace {
  readonly path?: string;
  /** Page number, or -1 where it is not a page. */
  readonly page: number;
  /** Byte offset in the page (or in the log), or -1. */
  readonly offset: number;
}

/** Invariants of logs: where one of them speaks of no page, it speaks of the log. */
const OF_LOGS = /^(W\d+|G8|LevelDB)$/;

/** Bytes on disk that cannot be right. `invariant` is a number of docs/invariants.md where one applies. */
export class CorruptionError extends EspalierError {
  readonly path: string | undefined;
  /** Page number, or -1 where it is not a page. */
  readonly page: number;
  /** Byte offset in the page (or in the log), or -1. */
  readonly offset: number;
  readonly reason: string;
  readonly invariant: string;
  constructor(invariant: string, reason: string, place: CorruptionPlace) {
    const elsewhere = OF_LOGS.test(invariant) ? "the log" : "the file";
    const where = place.page >= 0 ? `page ${place.page}` : elsewhere;
    const at = place.offset >= 0 ? ` at offset ${place.offset}` : "";
    const file = place.path === undefined ? "" : `${place.path}: `;
    super("ERR_ESPALIER_CORRUPTION", `${file}${where}${at} is damaged: ${reason} (${invariant})`);
    this.path = place.path;
    this.page = place.page;
    this.offset = place.offset;
    this.reason = reason;
    this.invariant = invariant;
  }
}

/** The encoded key is longer than the page size allows. */
export class KeyTooLargeError extends EspalierError {
  readonly bytes: number;
  readonly limit: number;
  constructor(bytes: number, limit: number) {
    super(
      "ERR_ESPALIER_KEY_TOO_LARGE",
      `a key of ${bytes} bytes exceeds the limit of ${limit} for this page size`,
    );
    this.bytes = bytes;
    this.limit = limit;
  }
}

/** The encoded value is longer than 1 GiB, or longer than V8 can hold as a string. */
export class ValueTooLargeError extends EspalierError {
  readonly bytes: number;
  readonly limit: number;
  constructor(bytes: number, limit: number) {
    super("ERR_ESPALIER_VALUE_TOO_LARGE", `a value of ${bytes} bytes exceeds the limit of ${limit}`);
    this.bytes = bytes;
    this.limit = limit;
  }
}

/** A key or value that the tree's encoding cannot take, or a tree opened with other encodings. */
export class EncodingError extends EspalierError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_ESPALIER_ENCODING", message, options);
  }
}

/** No room: on the file system, or under `maxBytes`. Nothing of the failed change remains. */
export class DiskFullError extends EspalierError {
  constructor(message: string, options?: ErrorOptions) {
    super("ERR_ESPALIER_DISK_FULL", message, options);
  }
}

/** What the names of errors mean that a wrong path or a wrong user brings about. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "it is a folder",
  ELOOP: "its symbolic links lead back to themselves, or are too many",
  ENXIO: "it is no file, but a device, a pipe or a socket",
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "the name, or the path, is too long",
  ESTALE: "what has this name is no longer the file that was opened",
  ERR_ACCESS_DENIED: "Node's permission model does not allow it",
};

/** "ENOENT (there is no such file or folder)". A path is resolved up to its folder: only that can be missing. */
function explained(errno: string, operation: string): string {
  if (errno === "ENOENT" && operation === "resolve") return `${errno} (there is no such folder)`;
  const meaning = MEANINGS[errno];
  return meaning === undefined ? errno : `${errno} (${meaning})`;
}

/** The operating system refused a file operation; `errno` is its name, `operation` what was tried. */
export class IoError extends EspalierError {
  readonly path: string;
  readonly operation: string;
  readonly errno: string;
  constructor(path: string, operation: string, errno: string, options?: ErrorOptions) {
    super("ERR_ESPALIER_IO", `${operation} ${path} failed: ${explained(errno, operation)}`, options);
    this.path = path;
    this.operation = operation;
    this.errno = errno;
  }
}

/** The store, snapshot or iterator was closed before the call. */
export class ClosedError extends EspalierError {
  constructor(what = "the store") {
    super("ERR_ESPALIER_CLOSED", `${what} is closed`);
  }
}

/** Transactions used in a way that they do not allow. */
export class TransactionError extends EspalierError {
  constructor(message: string) {
    super("ERR_ESPALIER_TRANSACTION", message);
  }
}

/** An earlier failure made further writes unsafe; reads go on. `cause` is that failure. */
export class PoisonedError extends EspalierError {
  constructor(message: string, cause: unknown) {
    super("ERR_ESPALIER_POISONED", message, { cause });
  }
}

/** An option that makes no sense, before anything was touched. */
export class OptionError extends EspalierError {
  readonly option: string;
  constructor(option: string, message: string) {
    super("ERR_ESPALIER_OPTION", `option ${option}: ${message}`);
    this.option = option;
  }
}

/** A host that espalier does not run on. */
export class PlatformError extends EspalierError {
  constructor(message: string) {
    super("ERR_ESPALIER_PLATFORM", message);
  }
}
