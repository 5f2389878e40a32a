/**
 * put_many: transactions of commit_every records, handed over in sorted groups of at most 64 or 1,000. A
 * group never crosses a commit, so that rows of equal commit_every are comparable with `inserts`.
 */

import type { KeyedValue } from "../engines/engine.js";
import type { WorkloadName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Pass, PassContext, Workload } from "./workload.js";
import { transactions } from "./writes.js";

export const putMany64: Workload = grouped("put_many-64", 64);
export const putMany1000: Workload = grouped("put_many-1000", 1000);

function grouped(name: WorkloadName, size: number): Workload {
  return {
    name,
    hasCommitEvery: true,
    writes: true,
    prepare: (context, operations) => groupedPass(context, operations, size),
  };
}

function groupedPass(context: PassContext, operations: number, size: number): Pass {
  const groupsAt = new Map<number, KeyedValue[][]>();
  for (let from = 0; from < operations; from += context.commitEvery) {
    const to = Math.min(operations, from + context.commitEvery);
    const groups: KeyedValue[][] = [];
    for (let at = from; at < to; at += size) groups.push(sortedGroup(context, at, Math.min(to, at + size)));
    groupsAt.set(from, groups);
  }
  return transactions(context, operations, (from) => {
    for (const group of groupsAt.get(from) as KeyedValue[][]) context.store.putMany(group);
  });
}

/** Operations in key order; of several for one key only the last is kept. */
function sortedGroup({ stream, keys, values }: PassContext, from: number, to: number): KeyedValue[] {
  const last = new Map<number, number>();
  for (let i = from; i < to; i++) last.set(stream.keys[i] as number, i);
  const ranks = Uint32Array.from(last.keys()).sort();
  return Array.from(ranks, (rank) => [keys[rank] as Key, values[last.get(rank) as number] as Buffer]);
}
