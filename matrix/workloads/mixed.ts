/**
 * mixed: half gets, half puts. Plain `mixed` reads what is committed and hands the puts of commit_every
 * operations over in one transaction; `mixed-read-through` does both inside the open write transaction.
 */

import { expectedHits } from "../streams/content.js";
import type { Key } from "../streams/shapes.js";
import { OP_GET } from "../streams/stream.js";
import type { Pass, PassContext, Workload } from "./workload.js";
import { commits, transactions } from "./writes.js";

export const mixed: Workload = { name: "mixed", hasCommitEvery: true, writes: true, prepare: mixedPass };

export const mixedReadThrough: Workload = {
  name: "mixed-read-through",
  hasCommitEvery: true,
  writes: true,
  prepare: readThroughPass,
};

/** Counts gets and what they find. */
class Getter {
  found = 0;
  readonly #context: PassContext;

  constructor(context: PassContext) {
    this.#context = context;
  }

  get(i: number): void {
    const { store, keys, stream } = this.#context;
    const value = store.get(keys[stream.keys[i] as number] as Key);
    if (value !== undefined && value !== null) this.found++;
  }
}

function mixedPass(context: PassContext, operations: number): Pass {
  const { store, stream, keys, values } = context;
  const { kinds, keys: ranks } = stream;
  const getter = new Getter(context);
  let from = 0;
  let to = 0;
  const putAll = (): void => {
    for (let i = from; i < to; i++) {
      if (kinds[i] !== OP_GET) store.put(keys[ranks[i] as number] as Key, values[i] as Buffer);
    }
  };
  const pass = commits(context, operations, (first, end) => {
    from = first;
    to = end;
    let puts = 0;
    for (let i = from; i < to; i++) {
      if (kinds[i] === OP_GET) getter.get(i);
      else puts++;
    }
    // A single get (every other operation at commit_every 1) commits nothing.
    return puts > 0 ? store.transaction(putAll) : undefined;
  });
  return {
    ...pass,
    problem: () => pass.problem() ?? hitsProblem(context, operations, getter.found, false),
  };
}

function readThroughPass(context: PassContext, operations: number): Pass {
  const { store, stream, keys, values } = context;
  const { kinds, keys: ranks } = stream;
  const getter = new Getter(context);
  const pass = transactions(context, operations, (from, to) => {
    for (let i = from; i < to; i++) {
      if (kinds[i] === OP_GET) getter.get(i);
      else store.put(keys[ranks[i] as number] as Key, values[i] as Buffer);
    }
  });
  return { ...pass, problem: () => pass.problem() ?? hitsProblem(context, operations, getter.found, true) };
}

/**
 * With several commits in flight an engine may show a put at once or only when it is durable: then any
 * count between the two is right.
 */
function hitsProblem(
  context: PassContext,
  operations: number,
  found: number,
  readThrough: boolean,
): string | null {
  const { stream, commitEvery, inFlight } = context;
  const most = expectedHits(stream, operations, commitEvery, readThrough);
  const least = inFlight === 1 ? most : expectedHits(stream, operations, commitEvery * inFlight, false);
  if (found >= least && found <= most) return null;
  return `gets found ${found} records, not ${least === most ? most : `${least} to ${most}`}`;
}
