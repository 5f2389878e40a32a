/**
 * What is on the simulated disk, as opposed to what the process sees: for each file the content as of
 * its last sync and the changes made since, in order; for the folders the names as of their last sync
 * and the changes of names since. crash-image.ts makes from it what a power cut may leave.
 *
 * A file without a record has nothing pending: what the process sees is durable.
 */

import { posix } from "node:path";
import { type FileBytes, frozenDigest } from "./file-bytes.js";
import type { MemoryNode } from "./memory-vfs.js";

export interface FileWrite {
  readonly kind: "write";
  /** The number of the call that made it. */
  readonly call: number;
  readonly position: number;
  /** Never changed once it is here: files share its memory. */
  readonly bytes: Uint8Array;
  /** Written through: durable already, kept here only because older changes below it are not. */
  readonly durable: boolean;
}

export interface FileTruncation {
  readonly kind: "truncate";
  readonly call: number;
  readonly size: number;
}

/** A change of a file that no sync has covered yet. */
export type FileChange = FileWrite | FileTruncation;

/** A change of names that no folder sync has covered yet: `from` goes, `to` leads to `node`; one of both or both. */
export interface NameChange {
  readonly call: number;
  readonly from?: string;
  readonly to?: string;
  readonly node?: MemoryNode;
}

export interface FileRecord {
  readonly durable: FileBytes;
  readonly pending: FileChange[];
  /** How many changes have left `pending` so far; a sync in flight finds by it which ones it covers. */
  flushed: number;
}

/** Makes a change of a file in `bytes`, all of it. */
export function applyFileChange(bytes: FileBytes, change: FileChange): void {
  if (change.kind === "truncate") bytes.truncate(change.size);
  else bytes.adopt(change.bytes, change.position);
}

/** Makes a change of names in `names`. */
export function applyNameChange(names: Map<string, MemoryNode>, change: NameChange): void {
  if (change.from !== undefined) names.delete(change.from);
  if (change.to !== undefined && change.node !== undefined) names.set(change.to, change.node);
}

/** Whether the later of two changes of names can only have happened on top of the earlier. */
export function dependsOn(later: NameChange, earlier: NameChange): boolean {
  if (later.node !== undefined && later.node === earlier.node) return true;
  return namesOf(later).some((a) =>
    namesOf(earlier).some((b) => a === b || posix.dirname(a) === b || posix.dirname(b) === a),
  );
}

function namesOf(change: NameChange): string[] {
  return [change.from, change.to].filter((name) => name !== undefined);
}

export class DiskState {
  readonly files: Map<MemoryNode, FileRecord> = new Map();
  readonly names: Map<string, MemoryNode>;
  readonly nameChanges: NameChange[] = [];

  /** Everything under `names` is durable to begin with. */
  constructor(names: ReadonlyMap<string, MemoryNode>) {
    this.names = new Map(names);
  }

  /** The record of a file; must be asked for before the file's first change is made in `live`. */
  record(node: MemoryNode, live: FileBytes): FileRecord {
    let record = this.files.get(node);
    if (record === undefined) {
      record = { durable: live.clone(), pending: [], flushed: 0 };
      this.files.set(node, record);
    }
    return record;
  }

  changeFile(record: FileRecord, change: FileChange): void {
    const through = change.kind === "write" && change.durable;
    if (through && record.pending.length === 0) applyFileChange(record.durable, change);
    else record.pending.push(change);
  }

  /** Makes the oldest `count` pending changes durable, or what `reaching` leaves of them; none stays pending. */
  flushFile(
    record: FileRecord,
    count: number,
    reaching: (change: FileChange) => readonly FileChange[] = all,
  ): void {
    for (const change of record.pending.splice(0, count)) {
      const through = change.kind === "write" && change.durable;
      for (const part of through ? [change] : reaching(change)) applyFileChange(record.durable, part);
      record.flushed++;
    }
  }

  changeNames(change: NameChange): void {
    this.nameChanges.push(change);
  }

  /** Makes durable what happened to names in `folder`, and whatever that rests on. */
  flushFolder(folder: string): void {
    const due: NameChange[] = [];
    for (let index = this.nameChanges.length - 1; index >= 0; index--) {
      const change = this.nameChanges[index] as NameChange;
      const here = namesOf(change).some((name) => posix.dirname(name) === folder);
      if (here || due.some((later) => dependsOn(later, change))) {
        due.push(change);
        this.nameChanges.splice(index, 1);
      }
    }
    for (const change of due.reverse()) applyNameChange(this.names, change);
  }

  /** Equal for two states exactly if the same is durable in them and the same pending, in the same order. */
  digest(): string {
    const parts: string[] = [];
    for (const [path, node] of this.names) parts.push(path, String(node.id));
    for (const [node, { durable, pending }] of this.files) {
      parts.push(`file ${node.id}`, durable.digest());
      for (const change of pending) parts.push(digestOf(change));
    }
    for (const { from, to, node } of this.nameChanges) parts.push(`name ${from} ${to} ${node?.id}`);
    return parts.join("\n");
  }

  /** A copy for another set of nodes: `twin` gives the node that stands for one of this state. */
  clone(twin: (node: MemoryNode) => MemoryNode): DiskState {
    const names = new Map<string, MemoryNode>();
    for (const [path, node] of this.names) names.set(path, twin(node));
    const copy = new DiskState(names);
    for (const [node, record] of this.files) {
      copy.files.set(twin(node), {
        durable: record.durable.clone(),
        pending: record.pending.slice(),
        flushed: record.flushed,
      });
    }
    for (const change of this.nameChanges) {
      copy.nameChanges.push(change.node === undefined ? change : { ...change, node: twin(change.node) });
    }
    return copy;
  }
}

function digestOf(change: FileChange): string {
  if (change.kind === "truncate") return `size ${change.size}`;
  return `at ${change.position} ${change.durable} ${frozenDigest(change.bytes)}`;
}

function all(change: FileChange): readonly FileChange[] {
  return [change];
}
