/**
 * The real file system, over the synchronous calls of node:fs.
 *
 * - Every failure becomes an IoError, or a DiskFullError where there is no room (ENOSPC, EDQUOT, and
 *   EFBIG, the limit on the size of a file); the cause is kept.
 * - EINTR never leaves this file: the call is made again.
 * - `open` takes regular files only. What the name leads to is looked at first, and everything is
 *   opened with O_NONBLOCK, so that a FIFO or a device neither hangs the process nor notices it.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import { DiskFullError, IoError } from "../base/errors.js";
import type { OpenMode, Vfs, VfsFile, VfsKind, VfsStat } from "./vfs.js";

/** The most that one read or write is asked to move; Linux moves no more than 2 GiB - 4 KiB a call. */
const TRANSFER_BYTES_MAX = 1 << 30;
/** As many symbolic links as Linux follows. */
const LINKS_MAX = 40;
const FILE_PERMISSIONS = 0o666;
const PRIVATE_PERMISSIONS = 0o600;

/** Elsewhere O_DSYNC is missing, or stops at the cache of the drive (macOS): there a write is synced by hand. */
const NATIVE_WRITE_THROUGH: boolean = process.platform === "linux";
const NONBLOCK: number = fs.constants.O_NONBLOCK ?? 0;

function openFlags(mode: OpenMode): number {
  const { O_RDONLY, O_RDWR, O_DSYNC, O_CREAT, O_EXCL } = fs.constants;
  switch (mode) {
    case "read":
      return O_RDONLY | NONBLOCK;
    case "write":
      return O_RDWR | NONBLOCK;
    case "write-through":
      return O_RDWR | NONBLOCK | (NATIVE_WRITE_THROUGH ? O_DSYNC : 0);
    case "create":
      return O_RDWR | NONBLOCK | O_CREAT | O_EXCL;
  }
}

function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== "string") return "UNKNOWN";
  if (code === "ERR_ACCESS_DENIED") return code; // Node's permission model; no system call was made.
  return code.startsWith("ERR_") ? "EINVAL" : code; // A NUL in a path, a range outside the buffer.
}

/** Whether the system says by this name of an error that there is no room. */
export function isNoRoom(errno: string): boolean {
  return errno === "ENOSPC" || errno === "EDQUOT" || errno === "EFBIG";
}

/** The error to throw for one that a call of node:fs threw: DiskFullError where there is no room, else IoError. */
export function systemError(file: string, operation: string, error: unknown): IoError | DiskFullError {
  const errno = errnoOf(error);
  if (isNoRoom(errno)) {
    return new DiskFullError(`${operation} ${file} failed: no room (${errno})`, { cause: error });
  }
  return new IoError(file, operation, errno, { cause: error });
}

function attempt<T>(file: string, operation: string, call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (errnoOf(error) !== "EINTR") throw systemError(file, operation, error);
    }
  }
}

function kindOf(stat: { isFile(): boolean; isDirectory(): boolean }): VfsKind {
  if (stat.isFile()) return "file";
  return stat.isDirectory() ? "folder" : "other";
}

/** EISDIR is what the system says of a folder; ENXIO is what it says of a socket, and does for the rest. */
function refuseUnlessFile(file: string, kind: VfsKind): void {
  if (kind === "folder") throw new IoError(file, "open", "EISDIR");
  if (kind === "other") throw new IoError(file, "open", "ENXIO");
}

class NodeFile implements VfsFile {
  readonly path: string;
  #descriptor: number;
  /** Syncs on other threads that still use the descriptor; closing it under them could hit another file. */
  #syncsInFlight = 0;
  #closed = false;
  readonly #syncEachWrite: boolean;

  constructor(file: string, descriptor: number, syncEachWrite: boolean) {
    this.path = file;
    this.#descriptor = descriptor;
    this.#syncEachWrite = syncEachWrite;
  }

  get descriptor(): number {
    return this.#closed ? -1 : this.#descriptor;
  }

  #checkOpen(operation: string): void {
    if (this.#closed) throw new IoError(this.path, operation, "EBADF");
  }

  /** Below zero, Node would read and write at a position of its own, and truncate to nothing. */
  #checkPosition(operation: string, position: number): void {
    if (!Number.isSafeInteger(position) || position < 0) throw new IoError(this.path, operation, "EINVAL");
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    this.#checkOpen("read");
    this.#checkPosition("read", position);
    const asked = Math.min(length, TRANSFER_BYTES_MAX);
    for (;;) {
      try {
        return fs.readSync(this.#descriptor, target, offset, asked, position);
      } catch (error) {
        if (errnoOf(error) !== "EINTR") throw systemError(this.path, "read", error);
      }
    }
  }

  write(source: Uint8Array, offset: number, length: number, position: number): number {
    this.#checkOpen("write");
    this.#checkPosition("write", position);
    const asked = Math.min(length, TRANSFER_BYTES_MAX);
    for (;;) {
      try {
        const written = fs.writeSync(this.#descriptor, source, offset, asked, position);
        if (this.#syncEachWrite) this.sync();
        return written;
      } catch (error) {
        if (error instanceof IoError || error instanceof DiskFullError) throw error;
        if (errnoOf(error) !== "EINTR") throw systemError(this.path, "write", error);
      }
    }
  }

  sync(): void {
    this.#checkOpen("sync");
    attempt(this.path, "sync", () => fs.fdatasyncSync(this.#descriptor));
  }

  syncAsync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#checkOpen("sync");
      this.#syncsInFlight++;
      fs.fdatasync(this.#descriptor, (error) => {
        this.#syncsInFlight--;
        if (this.#closed && this.#syncsInFlight === 0) this.#closeDescriptor();
        if (error === null) resolve();
        else reject(systemError(this.path, "sync", error));
      });
    });
  }

  size(): number {
    this.#checkOpen("stat");
    return attempt(this.path, "stat", () => fs.fstatSync(this.#descriptor).size);
  }

  truncate(size: number): void {
    this.#checkOpen("truncate");
    this.#checkPosition("truncate", size);
    attempt(this.path, "truncate", () => fs.ftruncateSync(this.#descriptor, size));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#syncsInFlight === 0) this.#closeDescriptor();
  }

  /** An error of close tells nothing that a sync has not told, and the descriptor is gone either way. */
  #closeDescriptor(): void {
    try {
      fs.closeSync(this.#descriptor);
    } catch {
      // See above.
    }
  }
}

/** Nothing has a name that is too long for the file system, as one made of a store's with something behind it may be. */
function isNothing(errno: string): boolean {
  return errno === "ENOENT" || errno === "ENOTDIR" || errno === "ENAMETOOLONG";
}

function realPath(file: string): string | undefined {
  try {
    return attempt(file, "resolve", () => fs.realpathSync.native(file));
  } catch (error) {
    if (error instanceof IoError && error.errno === "ENOENT") return undefined;
    throw error;
  }
}

function linkTarget(file: string): string | undefined {
  try {
    return attempt(file, "resolve", () => fs.readlinkSync(file));
  } catch (error) {
    if (error instanceof IoError && (error.errno === "ENOENT" || error.errno === "EINVAL")) return undefined;
    throw error;
  }
}

function modelOf(file: string): fs.Stats | undefined {
  return attempt(file, "stat", () => fs.statSync(file, { throwIfNoEntry: false }));
}

/**
 * A file made by this process is of its group, mostly: what the model's group may do, another one may not. To that file
 * the model's group is like all others, who may do no more then than it may. A model that has lost its name does not
 * tell whom it keeps out.
 */
function permissionsAtFirst(model: fs.Stats | undefined): number {
  if (model === undefined) return PRIVATE_PERMISSIONS;
  if (model.gid === process.getegid?.()) return model.mode & 0o777;
  return model.mode & (0o700 | ((model.mode >> 3) & 0o007));
}

/** Only root gives files away. Where something is not permitted, the file is its maker's, and shut to the rest. */
function liken(descriptor: number, model: fs.Stats): void {
  try {
    const made = fs.fstatSync(descriptor);
    const uid = process.geteuid?.() === 0 ? model.uid : made.uid;
    if (made.uid !== uid || made.gid !== model.gid) fs.fchownSync(descriptor, uid, model.gid);
    if (((made.mode ^ model.mode) & 0o777) !== 0) fs.fchmodSync(descriptor, model.mode & 0o777);
  } catch {
    // See above.
  }
}

class NodeVfs implements Vfs {
  readonly shared = true;

  open(file: string, mode: OpenMode, like?: string): VfsFile {
    if (mode !== "create") {
      const found = this.stat(file);
      if (found === undefined) throw new IoError(file, "open", "ENOENT");
      refuseUnlessFile(file, found.kind);
    }
    const model = like === undefined ? undefined : modelOf(like);
    const permissions = like === undefined ? FILE_PERMISSIONS : permissionsAtFirst(model);
    const descriptor = attempt(file, "open", () => fs.openSync(file, openFlags(mode), permissions));
    const opened = new NodeFile(file, descriptor, mode === "write-through" && !NATIVE_WRITE_THROUGH);
    try {
      // Once more on what was really opened: the name may have changed in between.
      refuseUnlessFile(
        file,
        attempt(file, "stat", () => kindOf(fs.fstatSync(descriptor))),
      );
      if (model !== undefined) liken(descriptor, model);
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  stat(file: string): VfsStat | undefined {
    try {
      const stat = attempt(file, "stat", () => fs.statSync(file, { bigint: true }));
      return { kind: kindOf(stat), size: Number(stat.size), identity: `${stat.dev}:${stat.ino}` };
    } catch (error) {
      if (error instanceof IoError && isNothing(error.errno)) return undefined;
      throw error;
    }
  }

  canonical(file: string): string {
    let current = attempt(file, "resolve", () => path.resolve(file));
    for (let followed = 0; followed < LINKS_MAX; followed++) {
      const resolved = realPath(current);
      if (resolved !== undefined) return resolved;
      // The last part is not there, or is a link to what is not there.
      const parent = attempt(file, "resolve", () => fs.realpathSync.native(path.dirname(current)));
      const name = path.join(parent, path.basename(current));
      const target = linkTarget(name);
      if (target === undefined) return name;
      current = path.resolve(parent, target);
    }
    throw new IoError(file, "resolve", "ELOOP");
  }

  unlink(file: string): void {
    attempt(file, "unlink", () => fs.unlinkSync(file));
  }

  rename(from: string, to: string): void {
    attempt(from, "rename", () => fs.renameSync(from, to));
  }

  link(from: string, to: string): void {
    attempt(to, "link", () => fs.linkSync(from, to));
  }

  list(folder: string): string[] {
    return attempt(folder, "list", () => fs.readdirSync(folder)).sort();
  }

  removeFolder(folder: string): void {
    attempt(folder, "remove", () => fs.rmdirSync(folder));
  }

  syncFolderOf(file: string): void {
    if (process.platform === "win32") return; // Folders can't be opened there, and NTFS journals names.
    const folder = path.dirname(path.resolve(file));
    const descriptor = attempt(folder, "open", () =>
      fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY),
    );
    try {
      attempt(folder, "sync", () => fs.fsyncSync(descriptor));
    } catch (error) {
      // Some network file systems have no sync for folders; there is nothing better to do on them.
      if (!(error instanceof IoError) || (error.errno !== "EINVAL" && error.errno !== "ENOTSUP")) throw error;
    } finally {
      fs.closeSync(descriptor);
    }
  }
}

/** The file system of this machine. */
export const nodeVfs: Vfs = new NodeVfs();
