/**
 * inserts, overwrite-same, overwrite-grow, delete-churn: an iteration is one transaction of commit_every
 * operations (or as many such transactions as are in flight together, all awaited).
 */

import type { WorkloadName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import { OP_DELETE } from "../streams/stream.js";
import type { Pass, PassContext, Workload } from "./workload.js";

export const inserts: Workload = writing("inserts");
export const overwriteSame: Workload = writing("overwrite-same");
export const overwriteGrow: Workload = writing("overwrite-grow");
export const deleteChurn: Workload = writing("delete-churn");

function writing(name: WorkloadName): Workload {
  return { name, hasCommitEvery: true, writes: true, prepare: writePass };
}

/** A pass that applies the stream's puts and deletes in transactions of commit_every operations. */
export function writePass(context: PassContext, operations: number): Pass {
  const { store, stream, keys, values } = context;
  const { kinds, keys: ranks } = stream;
  return transactions(context, operations, (from, to) => {
    for (let i = from; i < to; i++) {
      const key = keys[ranks[i] as number] as Key;
      if (kinds[i] === OP_DELETE) store.delete(key);
      else store.put(key, values[i] as Buffer);
    }
  });
}

/** Iterations of one transaction each, or of several that are awaited together. */
export function transactions(
  context: PassContext,
  operations: number,
  apply: (from: number, to: number) => void,
): Pass {
  const { store } = context;
  let from = 0;
  let to = 0;
  const work = (): void => apply(from, to);
  return commits(context, operations, (first, end) => {
    from = first;
    to = end;
    return store.transaction(work);
  });
}

/** As transactions, where `commit` makes the transaction itself, or does without one. */
export function commits(
  { commitEvery, inFlight }: PassContext,
  operations: number,
  commit: (from: number, to: number) => void | Promise<void>,
): Pass {
  let done = 0;
  const commitNext = (): void | Promise<void> => {
    const from = done;
    done = Math.min(operations, from + commitEvery);
    return commit(from, done);
  };
  const wave = async (): Promise<void> => {
    const underWay: (void | Promise<void>)[] = [];
    while (underWay.length < inFlight && done < operations) underWay.push(commitNext());
    await Promise.all(underWay);
  };
  const opsPerIteration = Math.min(operations, commitEvery * inFlight);
  return {
    iterations: Math.ceil(operations / opsPerIteration),
    opsPerIteration,
    operations,
    run: inFlight > 1 ? wave : commitNext,
    problem: () => (done === operations ? null : `${operations - done} operations were left over`),
  };
}
