/**
 * reads: an iteration is a fixed group of gets. commit_every is the length of the read transaction that the
 * gets are done in, for engines that get faster by one; 1 means plain gets.
 */

import type { Key } from "../streams/shapes.js";
import type { Pass, PassContext, Workload } from "./workload.js";

/** Gets in an iteration at least, so that the clock's own cost does not count. */
const GROUP_GETS = 1000;

export const reads: Workload = { name: "reads", hasCommitEvery: true, writes: false, prepare: readPass };

function readPass(context: PassContext, operations: number): Pass {
  const { store, stream, keys, commitEvery } = context;
  const ranks = stream.keys;
  const group = Math.min(operations, Math.ceil(GROUP_GETS / commitEvery) * commitEvery);
  let next = 0;
  let end = 0;
  let missed = 0;
  const getAll = (): void => {
    for (; next < end; next++) {
      const value = store.get(keys[ranks[next] as number] as Key);
      if (value === undefined || value === null) missed++;
    }
  };
  const run = (): void => {
    const groupEnd = Math.min(operations, next + group);
    while (next < groupEnd) {
      end = Math.min(groupEnd, next + commitEvery);
      if (commitEvery === 1) getAll();
      else store.reading(getAll);
    }
  };
  return {
    iterations: Math.ceil(operations / group),
    opsPerIteration: group,
    operations,
    run,
    problem: () => (missed === 0 ? null : `${missed} of ${operations} gets found nothing`),
  };
}
