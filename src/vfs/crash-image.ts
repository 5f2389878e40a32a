/**
 * What a power cut may leave of a simulated disk. Everything synced is there; each change that was not
 * meets a fate that the policy and the seed decide. The same state, policy and seed give the same image.
 *
 * Sectors are those of the file: SECTOR_BYTES from offset 0. BLOCK_BYTES is what drives write inside, and what
 * the page cache hands to them, however little of it was written. Where changes overlap, later ones are
 * applied over earlier ones, as the page cache of an operating system sees to; dropping some of them
 * is what reordering comes to. A change of names happens whole or not at all, and only on top of the
 * changes that it rests on.
 */

import {
  applyFileChange,
  applyNameChange,
  type DiskState,
  dependsOn,
  type FileChange,
  type FileRecord,
  type NameChange,
} from "./disk-state.js";
import type { FileBytes } from "./file-bytes.js";
import { type MemoryNode, MemoryVfs } from "./memory-vfs.js";
import { Prng } from "./prng.js";

export const SECTOR_BYTES = 512;
export const BLOCK_BYTES = 4096;

/** What becomes of one write. */
type Fate =
  | "applied"
  | "dropped"
  | "torn-sectors"
  | "torn-anywhere"
  | "garbage"
  | "garbage-blocks"
  | "size-only";

/**
 * - dropped: nothing unsynced is there.
 * - applied: everything is.
 * - in-order: everything up to some call, that one torn, nothing later.
 * - subset: each write is there or is not (so later ones without earlier ones).
 * - torn-sectors: of each write some sectors are there.
 * - torn-anywhere: of each write a part is there that ends or starts at any byte.
 * - garbage: of each write some sectors hold random bytes, to their ends.
 * - garbage-blocks: of each write some blocks do, to their ends.
 * - size-only: files have the size that the writes gave them, and zeros (or the old bytes) for data.
 * - mixed: each write meets one of these fates, that of blocks left out.
 *
 * Under all but "dropped" and "applied", each unsynced change of names is there or is not.
 */
export type PowerCut =
  | "dropped"
  | "applied"
  | "in-order"
  | "subset"
  | "torn-sectors"
  | "torn-anywhere"
  | "garbage"
  | "garbage-blocks"
  | "size-only"
  | "mixed";

export const POWER_CUTS: readonly PowerCut[] = [
  "dropped",
  "applied",
  "in-order",
  "subset",
  "torn-sectors",
  "torn-anywhere",
  "garbage",
  "garbage-blocks",
  "size-only",
  "mixed",
];

/** Without "garbage-blocks": a file whose parts are kept apart by sectors only can be tried with all of these. */
const FATES: readonly Fate[] = [
  "applied",
  "dropped",
  "torn-sectors",
  "torn-anywhere",
  "garbage",
  "size-only",
];

/** The call that the crash interrupted, where it was one that changes something. */
export type InFlight =
  | { readonly kind: "file"; readonly node: MemoryNode; readonly change: FileChange }
  | { readonly kind: "names"; readonly change: NameChange };

/** A disk after the power cut; nothing of it is pending. `state` is not changed. */
export function powerCutImage(
  state: DiskState,
  inFlight: InFlight | undefined,
  policy: PowerCut,
  seed: number,
): MemoryVfs {
  const prng = new Prng(seed);
  const nameChanges =
    inFlight?.kind === "names" ? [...state.nameChanges, inFlight.change] : state.nameChanges;
  const cut = policy === "in-order" ? pickCut(state, inFlight, nameChanges, prng) : 0;
  const names = survivingNames(state.names, nameChanges, policy, cut, prng);
  const image = new MemoryVfs();
  const twins = new Map<MemoryNode, MemoryNode>();
  for (const [path, node] of names) {
    let twin = twins.get(node);
    if (twin === undefined) {
      const extra = inFlight?.kind === "file" && inFlight.node === node ? inFlight.change : undefined;
      twin = { id: node.id, bytes: survivingBytes(node, state.files.get(node), extra, policy, cut, prng) };
      twins.set(node, twin);
    }
    image.nodes.set(path, twin);
    image.nextId = Math.max(image.nextId, node.id + 1);
  }
  return image;
}

/** The number of a call that has something pending; nothing later reached the disk. */
function pickCut(
  state: DiskState,
  inFlight: InFlight | undefined,
  nameChanges: readonly NameChange[],
  prng: Prng,
): number {
  const calls = nameChanges.map((change) => change.call);
  for (const record of state.files.values()) {
    for (const change of record.pending) calls.push(change.call);
  }
  if (inFlight?.kind === "file") calls.push(inFlight.change.call);
  return calls.length === 0 ? 0 : prng.pick(calls);
}

function survivingNames(
  durable: ReadonlyMap<string, MemoryNode>,
  changes: readonly NameChange[],
  policy: PowerCut,
  cut: number,
  prng: Prng,
): Map<string, MemoryNode> {
  const names = new Map(durable);
  const lost: NameChange[] = [];
  for (const change of changes) {
    const wanted = nameSurvives(change, policy, cut, prng);
    if (wanted && !lost.some((earlier) => dependsOn(change, earlier))) applyNameChange(names, change);
    else lost.push(change);
  }
  return names;
}

function nameSurvives(change: NameChange, policy: PowerCut, cut: number, prng: Prng): boolean {
  if (policy === "applied") return true;
  if (policy === "dropped") return false;
  if (policy === "in-order") return change.call < cut || (change.call === cut && prng.chance(0.5));
  return prng.chance(0.5);
}

function survivingBytes(
  node: MemoryNode,
  record: FileRecord | undefined,
  inFlight: FileChange | undefined,
  policy: PowerCut,
  cut: number,
  prng: Prng,
): FileBytes | undefined {
  if (node.bytes === undefined) return undefined;
  const bytes = (record?.durable ?? node.bytes).clone();
  for (const change of record?.pending ?? []) {
    applyFate(bytes, change, fateOf(change, policy, cut, prng), prng);
  }
  if (inFlight !== undefined) {
    // What was under way can be whole only by luck, also where it would have been durable in the end.
    const change: FileChange = inFlight.kind === "write" ? { ...inFlight, durable: false } : inFlight;
    applyFate(bytes, change, fateOf(change, policy, cut, prng), prng);
  }
  return bytes;
}

function fateOf(change: FileChange, policy: PowerCut, cut: number, prng: Prng): Fate {
  if (change.kind === "write" && change.durable) return "applied";
  switch (policy) {
    case "in-order":
      if (change.call < cut) return "applied";
      return change.call === cut ? "torn-anywhere" : "dropped";
    case "subset":
      return prng.chance(0.5) ? "applied" : "dropped";
    case "mixed":
      return prng.pick(FATES);
    default:
      return policy;
  }
}

function applyFate(bytes: FileBytes, change: FileChange, fate: Fate, prng: Prng): void {
  if (fate === "dropped") return;
  if (fate === "applied") applyFileChange(bytes, change);
  else if (change.kind === "truncate") {
    // There are no half truncations: the size is one number.
    if (prng.chance(0.5)) applyFileChange(bytes, change);
  } else damage(bytes, change.position, change.bytes, fate, prng);
}

function damage(bytes: FileBytes, position: number, data: Uint8Array, fate: Fate, prng: Prng): void {
  const end = position + data.length;
  if (fate === "size-only") {
    grow(bytes, end);
    return;
  }
  // The size is another piece of the disk than the data: it may have been written, or not.
  if (prng.chance(0.5)) grow(bytes, end);
  if (fate === "torn-anywhere") {
    const at = prng.below(data.length + 1);
    const [from, to] = prng.chance(0.75) ? [0, at] : [at, data.length];
    bytes.write(data, from, to - from, position + from);
    return;
  }
  const unit = fate === "garbage-blocks" ? BLOCK_BYTES : SECTOR_BYTES;
  for (let start = position - (position % unit); start < end; start += unit) {
    const from = Math.max(start, position);
    const to = Math.min(start + unit, end);
    const lot = prng.below(fate === "torn-sectors" ? 2 : 3);
    if (lot === 1) bytes.write(data, from - position, to - from, from);
    if (lot === 2) garble(bytes, start, to, Math.min(start + unit, bytes.size), prng);
  }
}

/** What the power left while it was written, up to `unitEnd`: all of it is lost, neighbours of the write included. */
function garble(bytes: FileBytes, start: number, writtenEnd: number, unitEnd: number, prng: Prng): void {
  const noise = new Uint8Array(Math.max(writtenEnd, unitEnd) - start);
  prng.fill(noise, 0, noise.length);
  bytes.write(noise, 0, noise.length, start);
}

function grow(bytes: FileBytes, size: number): void {
  if (size > bytes.size) bytes.truncate(size);
}
