/**
 * An open file of the simulated file system: what each call does to the disk, and what the faults make
 * of it. See faulty-vfs.ts.
 */

import { IoError } from "../base/errors.js";
import { BLOCK_BYTES, type InFlight } from "./crash-image.js";
import {
  applyFileChange,
  type DiskState,
  type FileChange,
  type FileRecord,
  type FileWrite,
} from "./disk-state.js";
import { type FaultKind, faultError, type Operation } from "./faults.js";
import { type FileBytes, frozenCopy } from "./file-bytes.js";
import { checkRange, type MemoryNode } from "./memory-vfs.js";
import type { Prng } from "./prng.js";
import type { OpenMode, VfsFile } from "./vfs.js";

/** What a failing write may have begun to do. */
const MOVES_PART: ReadonlySet<FaultKind> = new Set<FaultKind>(["EIO", "ENOSPC", "EDQUOT"]);

/** The file system, as its files see it. */
export interface FaultyDisk {
  readonly prng: Prng;
  readonly disk: DiskState;
  /** How many calls there were. */
  readonly calls: number;
  /**
   * Numbers a call. Throws CrashSignal where the process dies or is dead; otherwise says what fault
   * strikes. `change` is asked for only when somebody may look at what is in flight.
   */
  begin(
    operation: Operation,
    path: string,
    change?: () => InFlight,
    other?: string,
    position?: number,
    length?: number,
  ): FaultKind | undefined;
  /** Throws CrashSignal where the process has died since. */
  checkAlive(): void;
  /** Makes a change that the process sees; it stays pending until a sync covers it. */
  changeFile(node: MemoryNode, change: FileChange): void;
  /** How many more bytes the files can hold. */
  room(): number;
}

export class FaultyFile implements VfsFile {
  readonly path: string;
  readonly descriptor = -1;
  readonly #vfs: FaultyDisk;
  readonly #node: MemoryNode;
  readonly #bytes: FileBytes;
  /** The same file opened in the memory below: it knows what is allowed. */
  readonly #inner: VfsFile;
  readonly #through: boolean;

  constructor(vfs: FaultyDisk, path: string, mode: OpenMode, inner: VfsFile, node: MemoryNode) {
    this.path = path;
    this.#vfs = vfs;
    this.#node = node;
    this.#bytes = node.bytes as FileBytes;
    this.#inner = inner;
    this.#through = mode === "write-through";
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const fault = this.#vfs.begin("read", this.path, undefined, "", position, length);
    if (fault === undefined) return this.#inner.read(target, offset, length, position);
    if (fault !== "short") throw faultError(this.path, "read", fault);
    return this.#inner.read(target, offset, this.#fewer(length), position);
  }

  /** At least one byte of `length`, and fewer than all where that can be. */
  #fewer(length: number): number {
    return length < 2 ? length : 1 + this.#vfs.prng.below(length - 1);
  }

  write(source: Uint8Array, offset: number, length: number, position: number): number {
    const vfs = this.#vfs;
    vfs.checkAlive();
    checkRange(this.path, "write", source, offset, length, position);
    this.#inner.write(source, offset, 0, position); // For its checks.
    const bytes = frozenCopy(source.subarray(offset, offset + length));
    const change: FileWrite = { kind: "write", call: vfs.calls + 1, position, bytes, durable: this.#through };
    const operation = this.#through ? "write-through" : "write";
    const inFlight = (): InFlight => ({ kind: "file", node: this.#node, change });
    const fault = vfs.begin(operation, this.path, inFlight, "", position, length);
    if (fault !== undefined && fault !== "short") this.#failWrite(fault, change);
    const moved = this.#withinRoom(fault === "short" ? this.#fewer(length) : length, position);
    if (moved > 0) vfs.changeFile(this.#node, moved === length ? change : firstBytes(change, moved));
    return moved;
  }

  #failWrite(fault: FaultKind, change: FileWrite): never {
    const vfs = this.#vfs;
    if (fault === "lost-sync") {
      vfs.changeFile(this.#node, { ...change, durable: false });
      this.#lose(this.#record(), Number.POSITIVE_INFINITY);
    } else if (MOVES_PART.has(fault) && vfs.prng.chance(0.5)) {
      const moved = vfs.prng.below(change.bytes.length + 1);
      if (moved > 0) vfs.changeFile(this.#node, { ...firstBytes(change, moved), durable: false });
    }
    throw faultError(this.path, "write", fault);
  }

  /** How much of a write the file system can still hold; throws DiskFullError where it is nothing. */
  #withinRoom(length: number, position: number): number {
    const growth = position + length - this.#bytes.size;
    if (growth <= 0) return length;
    const moved = length - Math.max(0, growth - this.#vfs.room());
    if (moved > 0 || length === 0) return moved;
    throw faultError(this.path, "write", "ENOSPC");
  }

  #record(): FileRecord {
    return this.#vfs.disk.record(this.#node, this.#bytes);
  }

  sync(): void {
    const fault = this.#vfs.begin("sync", this.path);
    this.#inner.sync();
    this.#settle(this.#record(), Number.POSITIVE_INFINITY, fault);
  }

  /** Numbered when it is called; what was written until then is durable when the promise settles. */
  async syncAsync(): Promise<void> {
    const fault = this.#vfs.begin("sync", this.path, undefined, "async");
    this.#inner.sync();
    const record = this.#record();
    const covered = record.flushed + record.pending.length;
    await undefined;
    this.#vfs.checkAlive();
    this.#settle(record, Math.max(0, covered - record.flushed), fault);
  }

  #settle(record: FileRecord, count: number, fault: FaultKind | undefined): void {
    if (fault === undefined) {
      this.#vfs.disk.flushFile(record, count);
      return;
    }
    if (fault === "lost-sync") this.#lose(record, count);
    throw faultError(this.path, "sync", fault);
  }

  /** Of the oldest `count` pending changes nothing or some blocks reach the disk, and none is tried again. */
  #lose(record: FileRecord, count: number): void {
    const prng = this.#vfs.prng;
    const share = prng.chance(0.5) ? 0 : 0.5;
    this.#vfs.disk.flushFile(record, count, (change) => blocksOf(change).filter(() => prng.chance(share)));
    if (prng.chance(0.5)) return; // The page cache still shows them, though they are marked clean.
    this.#bytes.become(record.durable);
    for (const change of record.pending) applyFileChange(this.#bytes, change);
  }

  size(): number {
    const fault = this.#vfs.begin("size", this.path);
    if (fault !== undefined) throw faultError(this.path, "stat", fault);
    return this.#inner.size();
  }

  truncate(size: number): void {
    const vfs = this.#vfs;
    vfs.checkAlive();
    if (!Number.isSafeInteger(size) || size < 0) throw new IoError(this.path, "truncate", "EINVAL");
    this.#inner.truncate(this.#bytes.size); // For its checks.
    const change: FileChange = { kind: "truncate", call: vfs.calls + 1, size };
    const inFlight = (): InFlight => ({ kind: "file", node: this.#node, change });
    const fault = vfs.begin("truncate", this.path, inFlight, "", size);
    if (fault !== undefined) throw faultError(this.path, "truncate", fault);
    const growth = size - this.#bytes.size;
    if (growth > 0 && growth > vfs.room()) throw faultError(this.path, "truncate", "ENOSPC");
    vfs.changeFile(this.#node, change);
  }

  close(): void {
    this.#vfs.begin("close", this.path);
    this.#inner.close();
  }
}

function firstBytes(change: FileWrite, length: number): FileWrite {
  return { ...change, bytes: change.bytes.subarray(0, length) };
}

/** A write as one for each block that it reaches into: each goes to the disk, or is lost, by itself. */
function blocksOf(change: FileChange): FileChange[] {
  if (change.kind === "truncate") return [change];
  const parts: FileChange[] = [];
  const { position, bytes } = change;
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + BLOCK_BYTES - ((position + from) % BLOCK_BYTES));
    parts.push({ ...change, position: position + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return parts;
}
