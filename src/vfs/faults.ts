/**
 * Failures that the simulated file system can be told to have, by the number of the call they strike.
 * A fault strikes only the calls that can have it in reality (EMFILE strikes what opens something); at
 * any other call nothing happens.
 */

import { DiskFullError, IoError } from "../base/errors.js";

/** Every kind of call that is numbered. */
export type Operation =
  | "open"
  | "create"
  | "read"
  | "write"
  | "write-through"
  | "sync"
  | "size"
  | "truncate"
  | "close"
  | "stat"
  | "unlink"
  | "rename"
  | "link"
  | "list"
  | "remove-folder"
  | "sync-folder";

/**
 * - EIO, EINTR: the call fails. A write may have moved a part before EIO; EINTR moves nothing. What was
 *   unsynced before a sync that failed so is unsynced still.
 * - ENOSPC, EDQUOT: writes, growth, new names and syncs fail; a write may have moved a part.
 * - EMFILE: nothing can be opened.
 * - EROFS: nothing can be changed (syncs work).
 * - short: a read or write moves fewer bytes than asked, at least one.
 * - lost-sync: a sync fails with EIO and takes the file's unsynced writes with it, all or some; later syncs
 *   succeed, and reads may show the lost bytes or the old ones. A write-through write is such a sync.
 */
export type FaultKind = "EIO" | "EINTR" | "ENOSPC" | "EDQUOT" | "EMFILE" | "EROFS" | "short" | "lost-sync";

export const FAULT_KINDS: readonly FaultKind[] = [
  "EIO",
  "EINTR",
  "ENOSPC",
  "EDQUOT",
  "EMFILE",
  "EROFS",
  "short",
  "lost-sync",
];

export interface Fault {
  readonly kind: FaultKind;
  /** Number of the first call that it strikes; the first call of a file system is 1. */
  readonly at: number;
  /** "once": that call alone. "forever": every call from then on that can have it. */
  readonly lasts: "once" | "forever";
  /** Which calls it may strike; without it, all that can have it. */
  readonly where?: (call: FaultedCall) => boolean;
}

/** A call that a fault may strike; position and length are -1 where it has none. */
export interface FaultedCall {
  readonly call: number;
  readonly operation: Operation;
  readonly path: string;
  readonly position: number;
  readonly length: number;
}

const CHANGES: ReadonlySet<Operation> = new Set<Operation>([
  "create",
  "write",
  "write-through",
  "truncate",
  "unlink",
  "rename",
  "link",
  "remove-folder",
]);
const NEEDS_ROOM: ReadonlySet<Operation> = new Set<Operation>([
  "create",
  "write",
  "write-through",
  "truncate",
  "rename",
  "link",
  "sync",
  "sync-folder",
]);
const OPENS: ReadonlySet<Operation> = new Set<Operation>(["open", "create", "list", "sync-folder"]);

/** Whether a call of this kind can fail in this way. Closing never fails. */
export function canStrike(kind: FaultKind, operation: Operation): boolean {
  switch (kind) {
    case "EIO":
    case "EINTR":
      return operation !== "close";
    case "ENOSPC":
    case "EDQUOT":
      return NEEDS_ROOM.has(operation);
    case "EMFILE":
      return OPENS.has(operation);
    case "EROFS":
      return CHANGES.has(operation);
    case "short":
      return operation === "read" || operation === "write" || operation === "write-through";
    case "lost-sync":
      return operation === "sync" || operation === "sync-folder" || operation === "write-through";
  }
}

/** The first fault that strikes a call, if any does. */
export function faultAt(faults: readonly Fault[], call: FaultedCall): FaultKind | undefined {
  for (const fault of faults) {
    const due = fault.lasts === "once" ? call.call === fault.at : call.call >= fault.at;
    if (due && canStrike(fault.kind, call.operation) && fault.where?.(call) !== false) return fault.kind;
  }
  return undefined;
}

/** The error that a call struck by a fault throws. */
export function faultError(path: string, operation: string, kind: FaultKind): IoError | DiskFullError {
  if (kind === "ENOSPC" || kind === "EDQUOT") {
    return new DiskFullError(`${operation} ${path} failed: no room (${kind})`);
  }
  return new IoError(path, operation, kind === "lost-sync" || kind === "short" ? "EIO" : kind);
}
