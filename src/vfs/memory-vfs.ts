/**
 * A file system in memory, for stores that need no file and for tests. It behaves as a POSIX one
 * does: an unlinked file lives on in its open handles, a rename replaces, a hard link is the same
 * file under another name, and a name in a folder that is not there is ENOENT. Nothing is shared with
 * other processes and nothing outlives the object; syncs do nothing.
 *
 * Paths are posix paths from "/"; relative ones start there too. There are no symbolic links.
 */

import { posix } from "node:path";
import { IoError } from "../base/errors.js";
import { FileBytes } from "./file-bytes.js";
import type { OpenMode, Vfs, VfsFile, VfsStat } from "./vfs.js";

/** What a name leads to; two names of one file lead to the same node. */
export interface MemoryNode {
  readonly id: number;
  /** undefined for a folder. */
  bytes: FileBytes | undefined;
}

class MemoryFile implements VfsFile {
  readonly path: string;
  readonly descriptor = -1;
  readonly #bytes: FileBytes;
  readonly #writable: boolean;
  #closed = false;

  constructor(path: string, bytes: FileBytes, writable: boolean) {
    this.path = path;
    this.#bytes = bytes;
    this.#writable = writable;
  }

  #check(operation: string, writes: boolean): void {
    if (this.#closed || (writes && !this.#writable)) throw new IoError(this.path, operation, "EBADF");
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    this.#check("read", false);
    checkRange(this.path, "read", target, offset, length, position);
    return this.#bytes.read(target, offset, length, position);
  }

  write(source: Uint8Array, offset: number, length: number, position: number): number {
    this.#check("write", true);
    checkRange(this.path, "write", source, offset, length, position);
    this.#bytes.write(source, offset, length, position);
    return length;
  }

  sync(): void {
    this.#check("sync", false);
  }

  async syncAsync(): Promise<void> {
    this.#check("sync", false);
  }

  size(): number {
    this.#check("stat", false);
    return this.#bytes.size;
  }

  truncate(size: number): void {
    this.#check("truncate", true);
    if (!Number.isSafeInteger(size) || size < 0) throw new IoError(this.path, "truncate", "EINVAL");
    this.#bytes.truncate(size);
  }

  close(): void {
    this.#closed = true;
  }
}

/** A range outside the buffer, or before the file, is an error here as it is in the real calls. */
export function checkRange(
  path: string,
  operation: string,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): void {
  const fits = offset >= 0 && length >= 0 && offset + length <= buffer.length;
  if (!fits || !(position >= 0) || !Number.isSafeInteger(position + length)) {
    throw new IoError(path, operation, "EINVAL");
  }
}

export class MemoryVfs implements Vfs {
  readonly shared = false;
  /** Every name there is, by canonical path. */
  readonly nodes: Map<string, MemoryNode>;
  /** The id that the next new node gets. */
  nextId: number;

  constructor() {
    this.nodes = new Map([["/", { id: 1, bytes: undefined }]]);
    this.nextId = 2;
  }

  open(path: string, mode: OpenMode): VfsFile {
    const name = this.canonical(path);
    const node = this.nodes.get(name);
    if (mode === "create") {
      if (node !== undefined) throw new IoError(path, "open", "EEXIST");
      const bytes = new FileBytes();
      this.place(path, "open", bytes);
      return new MemoryFile(path, bytes, true);
    }
    if (node === undefined) throw new IoError(path, "open", "ENOENT");
    if (node.bytes === undefined) throw new IoError(path, "open", "EISDIR");
    return new MemoryFile(path, node.bytes, mode !== "read");
  }

  /** Makes an empty folder; its parent must exist. */
  makeFolder(path: string): void {
    if (this.nodes.has(this.canonical(path))) throw new IoError(path, "make", "EEXIST");
    this.place(path, "make", undefined);
  }

  /** Gives a new node a free name. Its folder must exist. */
  place(path: string, operation: string, bytes: FileBytes | undefined): MemoryNode {
    const name = this.canonical(path);
    this.#folderFor(name, operation);
    const node: MemoryNode = { id: this.nextId++, bytes };
    this.nodes.set(name, node);
    return node;
  }

  #folderFor(name: string, operation: string): void {
    const parent = this.nodes.get(posix.dirname(name));
    if (parent === undefined) throw new IoError(name, operation, "ENOENT");
    if (parent.bytes !== undefined) throw new IoError(name, operation, "ENOTDIR");
  }

  #nodeAt(path: string, operation: string): MemoryNode {
    const node = this.nodes.get(this.canonical(path));
    if (node === undefined) throw new IoError(path, operation, "ENOENT");
    return node;
  }

  stat(path: string): VfsStat | undefined {
    const node = this.nodes.get(this.canonical(path));
    if (node === undefined) return undefined;
    return node.bytes === undefined
      ? { kind: "folder", size: 0, identity: `memory:${node.id}` }
      : { kind: "file", size: node.bytes.size, identity: `memory:${node.id}` };
  }

  canonical(path: string): string {
    const normal = posix.normalize(`/${path}`);
    return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
  }

  unlink(path: string): void {
    if (this.#nodeAt(path, "unlink").bytes === undefined) throw new IoError(path, "unlink", "EISDIR");
    this.nodes.delete(this.canonical(path));
  }

  /** Files only; the store never moves a folder. */
  rename(from: string, to: string): void {
    const node = this.#nodeAt(from, "rename");
    const target = this.canonical(to);
    this.#folderFor(target, "rename");
    const old = this.nodes.get(target);
    if (node.bytes === undefined || (old !== undefined && old.bytes === undefined)) {
      throw new IoError(from, "rename", "EISDIR");
    }
    if (old === node) return; // Two names of one file: POSIX says that nothing happens.
    this.nodes.delete(this.canonical(from));
    this.nodes.set(target, node);
  }

  link(from: string, to: string): void {
    const node = this.#nodeAt(from, "link");
    const target = this.canonical(to);
    if (node.bytes === undefined) throw new IoError(to, "link", "EPERM");
    this.#folderFor(target, "link");
    if (this.nodes.has(target)) throw new IoError(to, "link", "EEXIST");
    this.nodes.set(target, node);
  }

  list(folder: string): string[] {
    if (this.#nodeAt(folder, "list").bytes !== undefined) throw new IoError(folder, "list", "ENOTDIR");
    const name = this.canonical(folder);
    const prefix = name === "/" ? "/" : `${name}/`;
    const names: string[] = [];
    for (const path of this.nodes.keys()) {
      if (path.length > prefix.length && path.startsWith(prefix) && !path.includes("/", prefix.length)) {
        names.push(path.slice(prefix.length));
      }
    }
    return names.sort();
  }

  removeFolder(path: string): void {
    if (this.#nodeAt(path, "remove").bytes !== undefined) throw new IoError(path, "remove", "ENOTDIR");
    if (this.list(path).length > 0) throw new IoError(path, "remove", "ENOTEMPTY");
    if (this.canonical(path) === "/") throw new IoError(path, "remove", "EBUSY");
    this.nodes.delete(this.canonical(path));
  }

  syncFolderOf(path: string): void {
    this.#folderFor(this.canonical(path), "sync");
  }

  /**
   * An independent copy that shares memory until one side writes; files stay linked as they were.
   * `copies` receives which node became which.
   */
  clone(copies: Map<MemoryNode, MemoryNode> = new Map()): MemoryVfs {
    const copy = new MemoryVfs();
    for (const [path, node] of this.nodes) {
      let twin = copies.get(node);
      if (twin === undefined) {
        twin = { id: node.id, bytes: node.bytes?.clone() };
        copies.set(node, twin);
      }
      copy.nodes.set(path, twin);
    }
    copy.nextId = this.nextId;
    return copy;
  }
}
