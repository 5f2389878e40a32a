/**
 * Builds the branches of a tree bottom-up from its leaves, in order. A branch is finished when its
 * children and the separator behind them are known; it is held back until the branch after it has two
 * children, so that no branch but the only one of its level ends up with a single child.
 */

import { sharedPrefixLength } from "../base/bytes.js";
import { type BranchEntry, branchBytes, buildBranch } from "../page/branch.js";
import { branchCapacity, separatorBytes } from "../page/limits.js";

const NONE: Uint8Array = new Uint8Array(0);

/** Takes a finished branch without number, count and checksum; returns the page that it went to. */
export type BranchSink = (image: Uint8Array, level: number, isRoot: boolean) => number;

interface OpenBranch {
  readonly low: Uint8Array;
  readonly leftmost: number;
  readonly entries: BranchEntry[];
  /** What the entries take with this prefix, the prefix itself included. */
  bytes: number;
  prefix: number;
}

interface HeldBranch {
  readonly branch: OpenBranch;
  readonly high: Uint8Array;
}

export class BranchStack {
  readonly #pageSize: number;
  readonly #sink: BranchSink;
  /** By level, 1 first. */
  readonly #open: (OpenBranch | undefined)[] = [];
  readonly #held: (HeldBranch | undefined)[] = [];
  /** A child that is not decided yet: the separator behind it is not known. */
  readonly #pending: (BranchEntry | undefined)[] = [];

  constructor(pageSize: number, sink: BranchSink) {
    this.#pageSize = pageSize;
    this.#sink = sink;
  }

  /** Takes the next leaf with its low fence. */
  add(low: Uint8Array, page: number): void {
    this.#add(0, low.slice(), page);
  }

  /** Ends the tree; returns its root. REQUIRES: there was a leaf. */
  finish(): number {
    for (let level = 0; ; level++) {
      const pending = this.#pending[level];
      const alone = this.#open[level] === undefined && this.#held[level] === undefined;
      if (alone && pending !== undefined && this.#pending[level + 1] === undefined) return pending.child;
      this.#settle(level, NONE);
      this.#finishLevel(level);
      if (this.#root >= 0) return this.#root;
    }
  }

  #root = -1;

  #add(level: number, low: Uint8Array, child: number): void {
    if (this.#pending[level] !== undefined) this.#settle(level, low);
    this.#pending[level] = { separator: low, child };
  }

  /** Puts the pending child of `level` into the branch above; `next` is the separator behind it. */
  #settle(level: number, next: Uint8Array): void {
    const pending = this.#pending[level];
    if (pending === undefined) return;
    this.#pending[level] = undefined;
    const open = this.#open[level];
    if (open === undefined) {
      this.#open[level] = newBranch(pending);
      return;
    }
    if (this.#takes(open, pending, next)) {
      if (open.entries.length === 1) this.#release(level);
      return;
    }
    this.#release(level);
    this.#held[level] = { branch: open, high: pending.separator };
    this.#open[level] = newBranch(pending);
  }

  /** Adds the child where it fits under the high bound `next`. */
  #takes(open: OpenBranch, entry: BranchEntry, next: Uint8Array): boolean {
    const prefix = sharedPrefixLength(open.low, next);
    const added = separatorBytes(entry.separator.length - prefix);
    open.entries.push(entry);
    const bytes = prefix === open.prefix ? open.bytes + added : branchBytes(open.entries, open.low, next);
    if (bytes > branchCapacity(this.#pageSize)) {
      open.entries.pop();
      return false;
    }
    open.bytes = bytes;
    open.prefix = prefix;
    return true;
  }

  #release(level: number): void {
    const held = this.#held[level];
    if (held === undefined) return;
    this.#held[level] = undefined;
    this.#emit(level, held.branch, held.high, false);
  }

  #finishLevel(level: number): void {
    const open = this.#open[level];
    if (open === undefined) return;
    this.#open[level] = undefined;
    let last = open;
    const held = this.#held[level];
    if (held !== undefined && open.entries.length === 0 && held.branch.entries.length > 1) {
      const moved = held.branch.entries.pop()!;
      last = newBranch(moved);
      last.entries.push({ separator: open.low, child: open.leftmost });
      this.#held[level] = { branch: held.branch, high: moved.separator };
    }
    this.#release(level);
    this.#emit(level, last, NONE, this.#pending[level + 1] === undefined && this.#isTop(level));
  }

  #isTop(level: number): boolean {
    return this.#open[level + 1] === undefined && this.#held[level + 1] === undefined;
  }

  #emit(level: number, branch: OpenBranch, high: Uint8Array, isRoot: boolean): void {
    const { low, leftmost, entries } = branch;
    const image = buildBranch(this.#pageSize, level + 1, leftmost, entries, low, high);
    const page = this.#sink(image, level + 1, isRoot);
    if (isRoot) this.#root = page;
    else this.#add(level + 1, low, page);
  }
}

function newBranch(first: BranchEntry): OpenBranch {
  return { low: first.separator, leftmost: first.child, entries: [], bytes: 0, prefix: -1 };
}
