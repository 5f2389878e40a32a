/**
 * The lock file on disk: what it holds, and how exactly one process gets to make or replace it (P5).
 *
 * Files, for a lock L:
 *   L                       the lock; its text describes the holder and carries a nonce, never used twice
 *   L.<nonce>.newcomer      that holder's text before it has the lock; as long a name as the next one, so that a
 *                           folder in which nobody could take the lock over takes no lock
 *   L.<nonce>.takeover      the claim to replace whatever file the (dead) holder `nonce` left
 *
 * 1. Every file gets its name with its whole text in it: written and synced under a name of its own,
 *    then linked. link() makes a name or finds it taken; of several processes one makes it.
 * 2. Whoever wants to replace the file X of a dead holder n makes the claim C = L.<n>.takeover, then
 *    looks at X again. If X still is n's, nobody else replaces it: that takes the claim, and n itself is
 *    dead. So C is renamed over X, which ends the claim in the same step. If X is no longer n's, an
 *    earlier taker was done with it; the claim is dropped.
 * 3. A taker that dies with a claim leaves C as the file of a dead holder. C is replaced by rule 2 with
 *    X := C, which makes its replacer the owner of the claim. Each such step needs a claim of its own
 *    nonce, so the rule holds at any depth, and no crash leaves the lock locked for ever.
 * 4. Claims and texts of the dead are litter once another holder has L; only that holder removes them.
 */

import * as path from "node:path";
import { IoError } from "../base/errors.js";
import { refusesLinks } from "./new-name.js";
import { isNonce, NONCE_PATTERN, newNonce } from "./nonce.js";
import { livenessOf, type ProcessIdentity } from "./process-identity.js";
import type { Vfs, VfsFile } from "./vfs.js";
import { readFully, writeFully } from "./whole-io.js";

export interface LockText extends ProcessIdentity {
  readonly nonce: string;
  /** The same in all locks that one copy of the package makes in one thread; not there in older ones. */
  readonly opener?: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Where in the program the store was opened. */
  readonly openedAt: string;
}

/** A lock file can be there and say nothing: the legacy engine's is empty, others are damaged. */
export type FoundLock = { readonly text: LockText } | "unreadable" | "nothing";

/** Longest text that is written; paths in `openedAt` are cut to fit. */
const LOCK_BYTES_MAX = 4096;
const OPENED_AT_CHARS_MAX = 1000;
/** How many dead takers in a row are taken over from. */
const CLAIMS_MAX = 64;
/** The last moment that a Date can be. */
export const SINCE_MAX = 8.64e15;
const LITTER = new RegExp(`^${NONCE_PATTERN}\\.(newcomer|takeover)$`);

export function lockPathOf(canonicalStorePath: string): string {
  return `${canonicalStorePath}-lock`;
}

/** The text that a holder of this nonce has before it has the lock. */
function newcomerPath(lock: string, nonce: string): string {
  return `${lock}.${nonce}.newcomer`;
}

/** Of a store whose lock nobody takes where this name is too long. */
export function longestLockPath(canonicalStorePath: string): string {
  return newcomerPath(lockPathOf(canonicalStorePath), newNonce());
}

/** What stands in the file of that name. Throws IoError where it can't be read. */
export function readLockFile(vfs: Vfs, name: string): FoundLock {
  let file: VfsFile;
  try {
    file = vfs.open(name, "read");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "nothing";
    throw error;
  }
  try {
    const bytes = new Uint8Array(LOCK_BYTES_MAX + 1);
    const length = readFully(file, bytes, 0, bytes.length, 0);
    const text = parse(new TextDecoder().decode(bytes.subarray(0, length)));
    return text === undefined ? "unreadable" : { text };
  } finally {
    file.close();
  }
}

function parse(text: string): LockText | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const found = value as Partial<Record<keyof LockText, unknown>>;
  const { host, machine, boot, pidNamespace, timeNamespace, openedAt } = found;
  const strings = [host, machine, boot, pidNamespace, timeNamespace, openedAt];
  const numbers = [found.pid, found.started, found.thread, found.task, found.taskStarted, found.since];
  const whole =
    strings.every((field) => typeof field === "string") &&
    numbers.every((field) => Number.isSafeInteger(field) && (field as number) >= 0) &&
    (found.pid as number) > 0 &&
    (found.since as number) <= SINCE_MAX &&
    typeof found.nonce === "string" &&
    isNonce(found.nonce);
  return whole ? (found as LockText) : undefined;
}

/**
 * One try at the lock: makes it where it is free, takes it over where its holder is dead. Returns
 * undefined when `mine` is the holder now, else what stands in the way. `isDead` decides who is dead.
 * Throws IoError or DiskFullError; then the lock is not held.
 */
export function tryLock(
  vfs: Vfs,
  lock: string,
  mine: LockText,
  isDead: (holder: LockText) => boolean,
): FoundLock | undefined {
  const attempt = new Attempt(vfs, lock, mine, isDead);
  try {
    return attempt.run();
  } finally {
    attempt.removeText();
  }
}

export function provablyDead(holder: LockText): boolean {
  return livenessOf(holder) === "dead";
}

class Attempt {
  readonly #vfs: Vfs;
  readonly #lock: string;
  readonly #mine: LockText;
  readonly #isDead: (holder: LockText) => boolean;
  readonly #textPath: string;
  #textWritten = false;

  constructor(vfs: Vfs, lock: string, mine: LockText, isDead: (holder: LockText) => boolean) {
    this.#vfs = vfs;
    this.#lock = lock;
    this.#mine = mine;
    this.#isDead = isDead;
    this.#textPath = newcomerPath(lock, mine.nonce);
  }

  run(): FoundLock | undefined {
    const found = readLockFile(this.#vfs, this.#lock);
    if (found === "unreadable") return found;
    if (found === "nothing") {
      return this.#make(this.#lock) ? undefined : readLockFile(this.#vfs, this.#lock);
    }
    if (!this.#isDead(found.text)) return found;
    return this.#replace(found.text.nonce);
  }

  /** Rules 2 and 3, without recursion: the claims are collected going down and used going up. */
  #replace(nonce: string): FoundLock | undefined {
    const chain: { file: string; nonce: string }[] = [{ file: this.#lock, nonce }];
    for (;;) {
      const last = chain[chain.length - 1] as { file: string; nonce: string };
      const claim = this.#claimOf(last.nonce);
      if (this.#make(claim)) break;
      const found = readLockFile(this.#vfs, claim);
      if (typeof found === "string" || !this.#isDead(found.text) || chain.length === CLAIMS_MAX) return found;
      chain.push({ file: claim, nonce: found.text.nonce });
    }
    for (let step = chain.pop(); step !== undefined; step = chain.pop()) {
      const claim = this.#claimOf(step.nonce);
      try {
        const found = readLockFile(this.#vfs, step.file);
        if (typeof found === "string" || found.text.nonce !== step.nonce) {
          // Somebody was done with this one before the claim was made.
          this.#remove(claim);
          return found;
        }
        this.#vfs.rename(claim, step.file);
      } catch (error) {
        // As long as this process lives, the claim would keep everybody out, itself as well.
        this.#remove(claim);
        throw error;
      }
    }
    return undefined;
  }

  #claimOf(nonce: string): string {
    return `${this.#lock}.${nonce}.takeover`;
  }

  /** Gives this process's text that name; false where the name is taken. */
  #make(name: string): boolean {
    if (!this.#textWritten) {
      this.#textWritten = true;
      this.#write(this.#textPath);
    }
    try {
      this.#vfs.link(this.#textPath, name);
      return true;
    } catch (error) {
      // Over a network the link can be made and the answer lost; the retry then finds it taken, by us.
      if (hasErrno(error, "EEXIST")) return this.#isMine(name);
      if (!refusesLinks(error)) throw error;
    }
    return this.#makeWithoutLinks(name);
  }

  /** For file systems without hard links: still made by one only, but there is a moment without its text. */
  #makeWithoutLinks(name: string): boolean {
    try {
      this.#write(name);
      return true;
    } catch (error) {
      if (hasErrno(error, "EEXIST")) return false;
      throw error;
    }
  }

  #isMine(name: string): boolean {
    const found = readLockFile(this.#vfs, name);
    return typeof found !== "string" && found.text.nonce === this.#mine.nonce;
  }

  #write(name: string): void {
    const cut = { ...this.#mine, openedAt: this.#mine.openedAt.slice(0, OPENED_AT_CHARS_MAX) };
    const bytes = new TextEncoder().encode(`${JSON.stringify(cut)}\n`);
    const file = this.#vfs.open(name, "create");
    try {
      writeFully(file, bytes, 0, bytes.length, 0);
      // A power cut must not leave the name without the text: nobody could prove its holder dead.
      file.sync();
    } catch (error) {
      this.#remove(name);
      throw error;
    } finally {
      file.close();
    }
  }

  removeText(): void {
    if (this.#textWritten) this.#remove(this.#textPath);
  }

  #remove(name: string): void {
    removeQuietly(this.#vfs, name);
  }
}

/**
 * Rule 4: only for the holder of the lock. Removes what dead processes left, or with `all` everything.
 * Failing to clean is no failure: the next holder finds it again.
 */
export function removeLitter(vfs: Vfs, lock: string, all = false): void {
  const prefix = `${path.basename(lock)}.`;
  try {
    for (const name of vfs.list(path.dirname(lock))) {
      if (!name.startsWith(prefix) || !LITTER.test(name.slice(prefix.length))) continue;
      const file = path.join(path.dirname(lock), name);
      if (all || isOfTheDead(readLockFile(vfs, file))) removeQuietly(vfs, file);
    }
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
  }
}

function isOfTheDead(found: FoundLock): boolean {
  return typeof found !== "string" && provablyDead(found.text);
}

/** Removes the lock if `nonce` holds it. */
export function unlinkIfHeldBy(vfs: Vfs, lock: string, nonce: string): void {
  const found = readLockFile(vfs, lock);
  if (typeof found !== "string" && found.text.nonce === nonce) vfs.unlink(lock);
}

function removeQuietly(vfs: Vfs, name: string): void {
  try {
    vfs.unlink(name);
  } catch {
    // Gone already, or litter for the next holder.
  }
}

function hasErrno(error: unknown, errno: string): boolean {
  return error instanceof IoError && error.errno === errno;
}
