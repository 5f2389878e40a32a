/**
 * A file system in memory that crashes and fails on purpose, for the tests of crash safety. It is not
 * part of the package's public face.
 *
 * - Every call but `canonical` has a number, counted from 1 (`calls`).
 * - It knows what is durable and what is only written: disk-state.ts.
 * - At call `crashAt` the process "dies": the call throws CrashSignal, as every later one does. What it
 *   was about to change is in flight, and a crash image may have it, or a part of it.
 * - `powerCut` and `processKill` make the file system that the next process finds. They can be asked
 *   at any time, in `onCall` too, and change nothing here; what they give can crash in its turn.
 * - `faults` strike calls by number: faults.ts.
 *
 * All that is random comes from the seeds. Copies share memory until one side writes.
 */

import { createHash } from "node:crypto";
import { posix } from "node:path";
import { type InFlight, type PowerCut, powerCutImage } from "./crash-image.js";
import { applyFileChange, DiskState, type FileChange, type NameChange } from "./disk-state.js";
import { type Fault, type FaultKind, faultAt, faultError, type Operation } from "./faults.js";
import { type FaultyDisk, FaultyFile } from "./faulty-file.js";
import { FileBytes } from "./file-bytes.js";
import { type MemoryNode, MemoryVfs } from "./memory-vfs.js";
import { Prng } from "./prng.js";
import type { OpenMode, Vfs, VfsFile, VfsStat } from "./vfs.js";

/** The process is dead. No error of espalier's, so that nothing that handles those handles it. */
export class CrashSignal extends Error {
  readonly call: number;
  constructor(call: number) {
    super(`simulated crash at call ${call}`);
    this.name = "CrashSignal";
    this.call = call;
  }
}

/** One numbered call, as the trace and `onCall` have it. */
export interface CallRecord {
  readonly call: number;
  readonly operation: Operation;
  readonly path: string;
  /** Of reads and writes; of a truncation the new size; else -1. */
  readonly position: number;
  /** Of reads and writes; else -1. */
  readonly length: number;
  /** The other name of a rename or link, the mode of an open; else "". */
  readonly other: string;
  /** Whether it changes the disk, or what of it is durable. Crashes elsewhere teach nothing new. */
  readonly changes: boolean;
  readonly fault: FaultKind | undefined;
}

export interface FaultyOptions {
  /** What is there to begin with, all of it durable; it is copied. */
  readonly disk?: MemoryVfs;
  /** Decides how short a short read is, how much a failing write moved, what a lost sync loses. */
  readonly seed?: number;
  /** Number of the call that crashes; 0 or nothing for none. */
  readonly crashAt?: number;
  readonly faults?: readonly Fault[];
  /** The files together can hold so many bytes; a write beyond it is short, and then ENOSPC. */
  readonly capacityBytes?: number;
  /** Keep a record of every call for `traceText`. */
  readonly trace?: boolean;
}

const READS_ONLY: ReadonlySet<Operation> = new Set<Operation>([
  "open",
  "read",
  "size",
  "close",
  "stat",
  "list",
]);

/** A change of names that turns out to be none, or can't be made. */
const NOTHING: NameChange = { call: 0 };

export class FaultyVfs implements Vfs, FaultyDisk {
  readonly shared = false;
  /** Called before each call takes effect; its change is in flight meanwhile. */
  onCall: ((record: CallRecord) => void) | undefined;
  crashAt: number;
  faults: readonly Fault[];
  capacityBytes: number;
  /** How many faults have struck. */
  faultsHit = 0;
  readonly prng: Prng;
  /** What the process sees. */
  readonly live: MemoryVfs;
  readonly disk: DiskState;
  readonly #trace: CallRecord[] | undefined;
  #calls = 0;
  #crash: CrashSignal | undefined;
  #inFlight: InFlight | undefined;

  constructor(options: FaultyOptions = {}, restarted?: { live: MemoryVfs; disk: DiskState }) {
    this.live = restarted?.live ?? options.disk?.clone() ?? new MemoryVfs();
    this.disk = restarted?.disk ?? new DiskState(this.live.nodes);
    this.prng = new Prng(options.seed ?? 1);
    this.crashAt = options.crashAt ?? 0;
    this.faults = options.faults ?? [];
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#trace = options.trace === true ? [] : undefined;
  }

  get calls(): number {
    return this.#calls;
  }

  get crashed(): boolean {
    return this.#crash !== undefined;
  }

  /** One line a call, for a person; only with `trace`. */
  traceText(): string {
    return (this.#trace ?? []).map(traceLine).join("\n");
  }

  /** The disk that a power cut leaves now; see PowerCut. Costs about a microsecond per 8 KiB of content. */
  powerCut(policy: PowerCut, seed: number): FaultyVfs {
    return new FaultyVfs({ disk: this.powerCutImage(policy, seed) });
  }

  /** As `powerCut`, as a plain file system in memory. */
  powerCutImage(policy: PowerCut, seed: number): MemoryVfs {
    return powerCutImage(this.disk, this.#inFlight, policy, seed);
  }

  /**
   * What the next process finds when this one is killed and the machine stays up: all that was written,
   * and of the call in flight any part. What was not durable is not durable there either: a later power
   * cut can take it.
   */
  processKill(seed: number, options: FaultyOptions = {}): FaultyVfs {
    const twins = new Map<MemoryNode, MemoryNode>();
    const live = this.live.clone(twins);
    const twin = (node: MemoryNode): MemoryNode => {
      let copy = twins.get(node);
      if (copy === undefined) {
        copy = { id: node.id, bytes: node.bytes?.clone() };
        twins.set(node, copy);
      }
      return copy;
    };
    const next = new FaultyVfs(options, { live, disk: this.disk.clone(twin) });
    next.#finish(this.#inFlight, twin, new Prng(seed));
    return next;
  }

  /** Lets a call that another process was killed in take effect: wholly, in part or not at all. */
  #finish(inFlight: InFlight | undefined, twin: (node: MemoryNode) => MemoryNode, prng: Prng): void {
    if (inFlight === undefined) return;
    if (inFlight.kind === "names") {
      const change = inFlight.change;
      if (prng.chance(0.5)) {
        this.#changeNames(change.node === undefined ? change : { ...change, node: twin(change.node) });
      }
      return;
    }
    const node = twin(inFlight.node);
    const change = inFlight.change;
    if (change.kind === "truncate") {
      if (prng.chance(0.5)) this.changeFile(node, change);
      return;
    }
    const moved = prng.below(change.bytes.length + 1);
    // Written through or not: the sync of it did not come to its end.
    this.changeFile(node, { ...change, bytes: change.bytes.subarray(0, moved), durable: false });
  }

  /** Equal for two of these exactly if the process sees the same, and the same of it is durable. */
  digest(): string {
    const parts: string[] = [];
    for (const [path, node] of this.live.nodes)
      parts.push(path, String(node.id), node.bytes?.digest() ?? "/");
    return createHash("sha1").update(parts.join("\n")).update(this.disk.digest()).digest("base64");
  }

  #changeNames(change: NameChange): void {
    if (change.from !== undefined) this.live.nodes.delete(change.from);
    if (change.to !== undefined && change.node !== undefined) {
      this.live.nodes.set(change.to, change.node);
      this.live.nextId = Math.max(this.live.nextId, change.node.id + 1);
    }
    this.disk.changeNames(change);
  }

  begin(
    operation: Operation,
    path: string,
    change?: () => InFlight,
    other = "",
    position = -1,
    length = -1,
  ): FaultKind | undefined {
    if (this.#crash !== undefined) throw this.#crash;
    const call = ++this.#calls;
    const { faults } = this;
    const fault =
      faults.length === 0 ? undefined : faultAt(faults, { call, operation, path, position, length });
    if (fault !== undefined) this.faultsHit++;
    const dies = call === this.crashAt;
    if (this.#trace !== undefined || this.onCall !== undefined) {
      const changes = !READS_ONLY.has(operation);
      const record: CallRecord = { call, operation, path, position, length, other, changes, fault };
      this.#trace?.push(record);
      if (this.onCall !== undefined) {
        this.#inFlight = change?.();
        this.onCall(record);
        this.#inFlight = undefined;
      }
    }
    if (dies) {
      this.#inFlight = change?.();
      this.#crash = new CrashSignal(call);
      throw this.#crash;
    }
    return fault;
  }

  /** Ends the process outside any call, as `crashAt` does at one. */
  crashNow(): void {
    this.#crash ??= new CrashSignal(this.#calls);
  }

  checkAlive(): void {
    if (this.#crash !== undefined) throw this.#crash;
  }

  changeFile(node: MemoryNode, change: FileChange): void {
    const bytes = node.bytes as FileBytes;
    const record = this.disk.record(node, bytes);
    applyFileChange(bytes, change);
    this.disk.changeFile(record, change);
  }

  room(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes;
    let used = 0;
    for (const node of new Set(this.live.nodes.values())) used += node.bytes?.size ?? 0;
    return Math.max(0, this.capacityBytes - used);
  }

  open(path: string, mode: OpenMode): VfsFile {
    const to = this.canonical(path);
    if (mode !== "create") {
      const fault = this.begin("open", path, undefined, mode);
      if (fault !== undefined) throw faultError(path, "open", fault);
      return new FaultyFile(this, path, mode, this.live.open(path, mode), this.#nodeAt(to));
    }
    const fault = this.begin("create", path, () => {
      const node: MemoryNode = { id: this.live.nextId, bytes: new FileBytes() };
      return { kind: "names", change: this.live.nodes.has(to) ? NOTHING : { call: this.#calls, to, node } };
    });
    if (fault !== undefined) throw faultError(path, "open", fault);
    const inner = this.live.open(path, "create");
    this.disk.changeNames({ call: this.#calls, to, node: this.#nodeAt(to) });
    return new FaultyFile(this, path, mode, inner, this.#nodeAt(to));
  }

  #nodeAt(name: string): MemoryNode {
    return this.live.nodes.get(name) as MemoryNode;
  }

  stat(path: string): VfsStat | undefined {
    const fault = this.begin("stat", path);
    if (fault !== undefined) throw faultError(path, "stat", fault);
    return this.live.stat(path);
  }

  canonical(path: string): string {
    return this.live.canonical(path);
  }

  unlink(path: string): void {
    this.#rearrange("unlink", path, "", this.#removal(path), (live) => live.unlink(path));
  }

  rename(from: string, to: string): void {
    const node = this.live.nodes.get(this.canonical(from));
    const same = node === this.live.nodes.get(this.canonical(to));
    const change =
      node === undefined || same
        ? NOTHING
        : { call: this.#calls + 1, from: this.canonical(from), to: this.canonical(to), node };
    this.#rearrange("rename", from, to, change, (live) => live.rename(from, to));
  }

  link(from: string, to: string): void {
    const node = this.live.nodes.get(this.canonical(from));
    const taken = this.live.nodes.has(this.canonical(to));
    const change =
      node === undefined || taken ? NOTHING : { call: this.#calls + 1, to: this.canonical(to), node };
    this.#rearrange("link", to, from, change, (live) => live.link(from, to));
  }

  removeFolder(path: string): void {
    this.#rearrange("remove-folder", path, "", this.#removal(path), (live) => live.removeFolder(path));
  }

  #removal(path: string): NameChange {
    return { call: this.#calls + 1, from: this.canonical(path) };
  }

  /** `make` does it for the process and throws where it can't be done; then nothing has changed. */
  #rearrange(
    operation: Operation,
    path: string,
    other: string,
    change: NameChange,
    make: (live: MemoryVfs) => void,
  ): void {
    const fault = this.begin(operation, path, () => ({ kind: "names", change }), other);
    if (fault !== undefined) throw faultError(path, operation, fault);
    make(this.live);
    if (change !== NOTHING) this.disk.changeNames(change);
  }

  list(folder: string): string[] {
    const fault = this.begin("list", folder);
    if (fault !== undefined) throw faultError(folder, "list", fault);
    return this.live.list(folder);
  }

  syncFolderOf(path: string): void {
    const fault = this.begin("sync-folder", path);
    if (fault !== undefined) throw faultError(path, "sync folder", fault);
    this.live.syncFolderOf(path);
    this.disk.flushFolder(posix.dirname(this.canonical(path)));
  }

  /** Makes an empty folder, durable at once and without a number: for setting a test up. */
  makeFolder(path: string): void {
    this.live.makeFolder(path);
    const name = this.canonical(path);
    this.disk.names.set(name, this.live.nodes.get(name) as MemoryNode);
  }
}

function traceLine(record: CallRecord): string {
  const parts = [String(record.call).padStart(6), record.operation.padEnd(13), record.path];
  if (record.position >= 0) parts.push(`at ${record.position}`);
  if (record.length >= 0) parts.push(`length ${record.length}`);
  if (record.other !== "") parts.push(record.other);
  if (record.fault !== undefined) parts.push(`struck by ${record.fault}`);
  return parts.join(" ");
}
