/**
 * One opener a store at a time (P5). A store P is held by the file `P-lock` (lock-file.ts), and inside
 * this process by a registry that also knows where the store was opened. What is not provably dead
 * is locked; `forceUnlock` is the way out by hand.
 *
 * Names count after symbolic links are resolved. Two hard links to one store have two lock files: within
 * a thread the registry sees that they are one file, between threads and processes nothing does.
 *
 * On a file system that is not shared with other processes the registry is all there is, and belongs to
 * the file system object: what a crash leaves of a simulated one is a new object, with no locks.
 */

import { threadId } from "node:worker_threads";
import { DiskFullError, IoError, LockedError, type LockHolder } from "../base/errors.js";
import { shellWord } from "../base/shell-word.js";
import {
  type FoundLock,
  type LockText,
  lockPathOf,
  provablyDead,
  readLockFile,
  removeLitter,
  SINCE_MAX,
  tryLock,
  unlinkIfHeldBy,
} from "./lock-file.js";
import { newNonce } from "./nonce.js";
import { callerOutsideThePackage } from "./opened-at.js";
import { livenessOf, ownIdentity, sameProcess } from "./process-identity.js";
import type { Vfs } from "./vfs.js";

const POLL_MS_MIN = 5;
const POLL_MS_MAX = 50;
/** A lock that changes hands between two looks is looked at again so many times before it counts as held. */
const LOOKS_MAX = 20;
/** What a folder, or its file system, answers where it takes no new file from this process. */
const REFUSES_NEW_FILES: ReadonlySet<string> = new Set(["EROFS", "EACCES", "EPERM", "ERR_ACCESS_DENIED"]);
const NO_PLACE: ReadonlySet<string> = new Set([...REFUSES_NEW_FILES, "ENAMETOOLONG"]);

export interface LockOptions {
  /** How long to wait for the holder to let go; 0, the default, does not wait. Blocks the thread. */
  readonly timeoutMs?: number;
  /** For an opener that will write nothing: where no lock file can be made (a read-only disk, a full one, a
   * folder without permission, a name that is too long), it goes on without one, as long as nobody holds the store. */
  readonly readOnly?: boolean;
}

export interface Lock {
  /** Of the lock file. */
  readonly path: string;
  /** False for a read-only opener that could leave no lock file. */
  readonly onDisk: boolean;
  /** The store's file, which may not have been there before, is open now, and stays so until `release`: this
   * thread knows it by all its names from here on, also by those that it gets meanwhile. */
  fileOpened(): void;
  /** Lets go. Idempotent. Throws IoError where the lock file can't be removed; by that file other threads and
   * processes see the store as held until this one ends. The next opener in this thread takes it over. */
  release(): void;
}

/** What is known of a lock. "unreadable" is a lock file without a holder in it, as the legacy engine leaves. */
export interface LockState {
  readonly path: string;
  readonly state: "free" | "alive" | "dead" | "unknown" | "unreadable";
  readonly holder: LockHolder | undefined;
}

interface Opening {
  readonly store: string;
  readonly openedAt: string;
  readonly since: number;
  /** Nobody else's file can have the identity that it is registered by. */
  fileIsOpen: boolean;
}

/** By file system, or "shared" for the machine's: which stores this thread has open. */
type Registry = { shared: Map<string, Opening>; own: WeakMap<object, Map<string, Opening>> };

/** Two copies of the package in one process see the same registry. */
const REGISTRY_KEY: symbol = Symbol.for("espalier.locks.1");

/** Nonces of the locks that this thread holds by this copy of the package. */
const held: Set<string> = new Set();
/** Says in a lock's text that this thread made it, by this copy of the package. */
let ownOpener: string | undefined;

/**
 * Whether nobody holds the lock of this text any more. What this thread has let go of may still be there, where it
 * could not be removed, or come back: a disk that failed may have lost the removal when it is mounted again.
 */
function isGone(text: LockText): boolean {
  return isLetGo(text) || provablyDead(text);
}

function isLetGo(text: LockText): boolean {
  return text.opener !== undefined && text.opener === ownOpener && sameProcess(text) && !held.has(text.nonce);
}

function openings(vfs: Vfs): Map<string, Opening> {
  const home = globalThis as { [REGISTRY_KEY]?: Registry };
  home[REGISTRY_KEY] ??= { shared: new Map(), own: new WeakMap() };
  const registry = home[REGISTRY_KEY];
  if (vfs.shared) return registry.shared;
  let own = registry.own.get(vfs);
  if (own === undefined) {
    own = new Map();
    registry.own.set(vfs, own);
  }
  return own;
}

/**
 * Takes the lock of the store at `storePath`, which need not exist; its folder must.
 * Throws LockedError when somebody else has it after `timeoutMs`, and at once when this thread has it;
 * IoError and DiskFullError. Costs a file created, synced and linked: a few milliseconds.
 */
export function acquireLock(vfs: Vfs, storePath: string, options: LockOptions = {}): Lock {
  const store = vfs.canonical(storePath);
  const identity = vfs.shared ? vfs.stat(store)?.identity : undefined;
  const registered = openings(vfs);
  for (const key of registryKeys(store, identity)) {
    const opening = registered.get(key);
    if (opening !== undefined && isStillOpen(vfs, opening, store, identity)) {
      throw heldByThisThread(store, opening);
    }
  }
  const openedAt = callerOutsideThePackage();
  const opening: Opening = { store, openedAt, since: now(), fileIsOpen: false };
  const nonce = newNonce();
  const onDisk = vfs.shared && acquireOnDisk(vfs, store, textOf(opening, nonce), options);
  return new HeldLock(vfs, opening, identity, onDisk ? nonce : undefined);
}

/** What a store is registered by: its name, and the identity of its file, where that is known. */
function registryKeys(store: string, identity: string | undefined): string[] {
  return identity === undefined ? [store] : [store, `identity ${identity}`];
}

class HeldLock implements Lock {
  readonly path: string;
  readonly #vfs: Vfs;
  readonly #opening: Opening;
  /** Of the lock file; undefined: there is none. */
  readonly #nonce: string | undefined;
  #identity: string | undefined;
  #held = true;

  constructor(vfs: Vfs, opening: Opening, identity: string | undefined, nonce: string | undefined) {
    this.path = lockPathOf(opening.store);
    this.#vfs = vfs;
    this.#opening = opening;
    this.#identity = identity;
    this.#nonce = nonce;
    if (nonce !== undefined) held.add(nonce);
    this.#register();
  }

  get onDisk(): boolean {
    return this.#nonce !== undefined;
  }

  fileOpened(): void {
    if (!this.#held || !this.#vfs.shared) return;
    const opened = this.#vfs.stat(this.#opening.store)?.identity;
    this.#unregister();
    this.#identity = opened;
    this.#opening.fileIsOpen = true;
    this.#register();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#unregister();
    if (this.#nonce === undefined) return;
    held.delete(this.#nonce);
    unlinkIfHeldBy(this.#vfs, this.path, this.#nonce);
  }

  #register(): void {
    const registered = openings(this.#vfs);
    for (const key of registryKeys(this.#opening.store, this.#identity)) registered.set(key, this.#opening);
  }

  #unregister(): void {
    const registered = openings(this.#vfs);
    for (const key of registryKeys(this.#opening.store, this.#identity)) {
      if (registered.get(key) === this.#opening) registered.delete(key);
    }
  }
}

/** A file that was replaced under its name, and that nothing has open, leaves its identity to any other file. */
function isStillOpen(vfs: Vfs, opening: Opening, store: string, identity: string | undefined): boolean {
  return opening.store === store || opening.fileIsOpen || vfs.stat(opening.store)?.identity === identity;
}

/** The program's own clock may be false, in tests above all; a lock file without a time would name no holder. */
function now(): number {
  const time = Math.trunc(Date.now());
  return time >= 0 && time <= SINCE_MAX ? time : 0;
}

function textOf(opening: Pick<Opening, "since" | "openedAt">, nonce: string): LockText {
  ownOpener ??= newNonce();
  return { ...ownIdentity(), nonce, opener: ownOpener, since: opening.since, openedAt: opening.openedAt };
}

/** Returns whether there is a lock file now. */
function acquireOnDisk(vfs: Vfs, store: string, mine: LockText, options: LockOptions): boolean {
  const lock = lockPathOf(store);
  // What was slept is taken off, and no clock asked: one that a test has stopped would never let this end.
  let left = options.timeoutMs ?? 0;
  let looks = 0;
  let pause = POLL_MS_MIN;
  for (;;) {
    const obstacle = lockOrObstacle(vfs, lock, mine, options);
    if (obstacle === "acquired" || obstacle === "not on disk") {
      if (obstacle === "acquired") removeLitter(vfs, lock);
      return obstacle === "acquired";
    }
    const changing = obstacle === "nothing" || obstacle === "unreadable" || isGone(obstacle.text);
    if (left <= 0 && !(changing && ++looks < LOOKS_MAX)) throw lockedBy(store, obstacle);
    // The spread keeps several who wait from all looking at the same moments.
    const milliseconds = left <= 0 ? POLL_MS_MIN : Math.min(left, pause * (0.5 + Math.random()));
    sleep(milliseconds);
    left -= milliseconds;
    pause = Math.min(POLL_MS_MAX, pause * 2);
  }
}

function lockOrObstacle(
  vfs: Vfs,
  lock: string,
  mine: LockText,
  options: LockOptions,
): FoundLock | "acquired" | "not on disk" {
  try {
    return tryLock(vfs, lock, mine, isGone) ?? "acquired";
  } catch (error) {
    if (options.readOnly !== true || !cannotBeMade(error)) throw namingTheLock(error, lock);
    const found = readLockFile(vfs, lock);
    // A dead holder's lock stays where it is: the next one who can write removes it.
    return found === "nothing" || (found !== "unreadable" && isGone(found.text)) ? "not on disk" : found;
  }
}

/** Whether the file system has no place for a lock file, or none for this process. */
function cannotBeMade(error: unknown): boolean {
  return error instanceof DiskFullError || (error instanceof IoError && NO_PLACE.has(error.errno));
}

/** A folder that takes no new file refuses the name that the lock's text has first: that says nothing to a reader. */
function namingTheLock(error: unknown, lock: string): unknown {
  if (!(error instanceof IoError) || !REFUSES_NEW_FILES.has(error.errno) || error.path === lock) return error;
  return new IoError(lock, "create", error.errno, { cause: error });
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** What the lock of a store says, changing nothing. Throws IoError. */
export function readLock(vfs: Vfs, storePath: string): LockState {
  const store = vfs.canonical(storePath);
  const path = lockPathOf(store);
  if (!vfs.shared) {
    const opening = openings(vfs).get(store);
    return opening === undefined
      ? { path, state: "free", holder: undefined }
      : { path, state: "alive", holder: holderHere(opening) };
  }
  const found = readLockFile(vfs, path);
  if (found === "nothing") return { path, state: "free", holder: undefined };
  if (found === "unreadable") return { path, state: "unreadable", holder: undefined };
  const state = isGone(found.text) ? "dead" : livenessOf(found.text);
  return { path, state, holder: holderOf(found.text) };
}

/**
 * Removes the lock of a store whose holder can't be proven dead, and what is left of takeovers; returns
 * the holder that was there. Only a person can know that nobody has the store open. Throws LockedError
 * where the holder provably lives, unless `evenIfAlive`.
 */
export function forceUnlock(
  vfs: Vfs,
  storePath: string,
  options: { readonly evenIfAlive?: boolean } = {},
): LockHolder | undefined {
  const before = readLock(vfs, storePath);
  const store = vfs.canonical(storePath);
  if (before.state === "alive" && options.evenIfAlive !== true) {
    throw new LockedError(store, `${describe(store, before.holder)}, which is running`, before.holder);
  }
  openings(vfs).delete(store);
  if (!vfs.shared || before.state === "free") return before.holder;
  // Through the same claims as any taker, so that one that is under way can't replace a newer lock.
  const nonce = newNonce();
  const mine = textOf({ since: now(), openedAt: "unlocking" }, nonce);
  const obstacle = tryLock(vfs, before.path, mine, () => true);
  if (obstacle === undefined) unlinkIfHeldBy(vfs, before.path, nonce);
  else if (obstacle === "unreadable") vfs.unlink(before.path);
  else if (obstacle !== "nothing") throw lockedBy(store, obstacle);
  removeLitter(vfs, before.path, true);
  return before.holder;
}

function holderOf(text: LockText): LockHolder {
  const { pid, host, thread, since, openedAt } = text;
  return sameProcess(text) ? { pid, host, thread, since, openedAt } : { pid, host, thread, since };
}

function holderHere(opening: Opening): LockHolder {
  const { since, openedAt } = opening;
  return { pid: process.pid, host: ownIdentity().host, thread: threadId, since, openedAt };
}

function heldByThisThread(store: string, opening: Opening): LockedError {
  const message = `${store} is open in this process already, opened at ${opening.openedAt}`;
  return new LockedError(store, message, holderHere(opening));
}

function lockedBy(store: string, found: FoundLock): LockedError {
  const unlock = `If nothing has the store open, remove the lock with: espalier unlock ${shellWord(store)}`;
  if (typeof found === "string") {
    const path = lockPathOf(store);
    return new LockedError(store, `${store} is locked by ${path}, which names no holder. ${unlock}`);
  }
  const holder = holderOf(found.text);
  if (holder.openedAt !== undefined) {
    const where = `in thread ${holder.thread}, opened at ${holder.openedAt}`;
    return new LockedError(store, `${store} is open in this process already, ${where}`, holder);
  }
  const live = livenessOf(found.text) === "alive";
  const advice = live ? "" : `. Whether it still runs can't be told from here. ${unlock}`;
  return new LockedError(store, `${describe(store, holder)}${advice}`, holder);
}

function describe(store: string, holder: LockHolder | undefined): string {
  if (holder === undefined) return `${store} is locked`;
  const since = new Date(holder.since).toISOString();
  return `${store} is locked by process ${holder.pid} on ${holder.host} since ${since}`;
}
