/**
 * The background sync of checkpoints as a thread does it: it is asked for, and done some commits later, while
 * the store goes on. A simulated file system has no thread, and without this every one is done at once. What is
 * written meanwhile may be covered by it or not: both come in turn.
 */

import { InlineSync } from "../../src/log/checkpoint.js";
import type { VfsFile } from "../../src/vfs/vfs.js";

/** How often it is asked for the first, the second sync and so on of a store before that is done. */
const POLLS: readonly number[] = [3, 0, 1, 7, 2, 0, 5, 1, 0];

interface SyncUnderWay {
  started: number;
  polls: number;
  file: VfsFile | undefined;
  outcome: (() => void) | undefined;
}

/** Makes all syncs of checkpoints slow; returns what makes them as they were. */
export function makeSyncsSlow(): () => void {
  const { start, poll, wait } = InlineSync.prototype;
  const all = new WeakMap<InlineSync, SyncUnderWay>();
  const of = (sync: InlineSync): SyncUnderWay => {
    const known = all.get(sync) ?? { started: 0, polls: 0, file: undefined, outcome: undefined };
    all.set(sync, known);
    return known;
  };
  InlineSync.prototype.start = function (file) {
    const state = of(this);
    state.polls = POLLS[state.started % POLLS.length]!;
    state.file = file;
    state.outcome = state.started % 2 === 0 ? outcomeOf(file) : undefined;
    state.started++;
  };
  InlineSync.prototype.wait = function () {
    const state = of(this);
    const outcome = state.outcome ?? (state.file === undefined ? undefined : outcomeOf(state.file));
    state.file = undefined;
    state.outcome = undefined;
    outcome?.();
  };
  InlineSync.prototype.poll = function () {
    if (of(this).polls-- > 0) return false;
    this.wait();
    return true;
  };
  return () => void Object.assign(InlineSync.prototype, { start, poll, wait });
}

/** Syncs; who asks later is told what came of it. */
function outcomeOf(file: VfsFile): () => void {
  try {
    file.sync();
    return () => undefined;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
