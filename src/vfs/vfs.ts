/**
 * All that the store asks of a file system. Everything below `store`, `pager`, `log` and the
 * migrator goes through these two interfaces, so that the same code runs on real files
 * (node-vfs.ts), in memory (memory-vfs.ts) and on a file system that crashes and fails on purpose
 * (faulty-vfs.ts).
 *
 * Contract of every implementation:
 * - `read` and `write` may move fewer bytes than asked; whole-io.ts has the loops. A read at or
 *   past the end returns 0.
 * - Failures throw IoError or DiskFullError (ENOSPC, EDQUOT), nothing else.
 * - After `sync` returns, all bytes written before it survive a power cut. After it throws, nothing
 *   is known about them.
 */

/**
 * read: must exist, no writing. write: must exist. write-through: as write, and each write returns
 * only when its bytes are durable (O_DSYNC). create: must not exist, made empty.
 */
export type OpenMode = "read" | "write" | "write-through" | "create";

/** An open file. Offsets and lengths are bytes; failures are IoError or DiskFullError. */
export interface VfsFile {
  readonly path: string;
  /** A descriptor that another thread of this process may sync, or -1 where there is none. */
  readonly descriptor: number;
  /** Reads up to `length` bytes at `position` into target[offset..]; returns how many, 0 only at the end. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes up to `length` bytes of source[offset..] at `position`; returns how many. */
  write(source: Uint8Array, offset: number, length: number, position: number): number;
  /** fdatasync: data, and the size if it grew. */
  sync(): void;
  /** As sync, without blocking the event loop. */
  syncAsync(): Promise<void>;
  size(): number;
  /** Cuts the file, or extends it by zeros. */
  truncate(size: number): void;
  /** Idempotent. */
  close(): void;
}

/** What a name leads to: "other" is a device, a socket, a pipe. */
export type VfsKind = "file" | "folder" | "other";

/** What a name leads to. */
export interface VfsStat {
  readonly kind: VfsKind;
  readonly size: number;
  /** Identity of the file behind the name: equal for two names of one file. */
  readonly identity: string;
}

/** A file system: what `open()` takes as `vfs`. Paths are its own business. */
export interface Vfs {
  /** True where files live outside this process, so that other processes can open them too. */
  readonly shared: boolean;
  /**
   * `like`: a file whose owner and permissions this one gets, as far as this process may give them; a new one lets in
   * nobody whom that one keeps out.
   */
  open(path: string, mode: OpenMode, like?: string): VfsFile;
  /** undefined where nothing is there; follows symbolic links. */
  stat(path: string): VfsStat | undefined;
  /** The absolute path with symbolic links resolved (of the parent folder where the file is not there). */
  canonical(path: string): string;
  /** Takes a file's name away; what has it open goes on. */
  unlink(path: string): void;
  /** Atomic; replaces `to`. */
  rename(from: string, to: string): void;
  /** Hard link; throws IoError with errno EEXIST where `to` exists. */
  link(from: string, to: string): void;
  /** Names in a folder, sorted. */
  list(folder: string): string[];
  /** Removes an empty folder. */
  removeFolder(path: string): void;
  /** Makes creations, renames and unlinks in the folder that holds `path` durable. */
  syncFolderOf(path: string): void;
}
