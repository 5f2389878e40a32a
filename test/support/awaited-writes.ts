/**
 * A workload of awaited writes: what is queued in a turn is one commit, and what was resolved survives every
 * crash.
 */

import { FaultSession } from "./fault-session.js";
import { keyBytes } from "./model.js";
import type { Session } from "./session.js";

type Operation = readonly [key: string, value: Uint8Array | undefined];

/** Puts and removals of few keys, so that they meet; the first one changes something. */
function someOperations(s: Session): Operation[] {
  const first: Operation = [s.key(60), s.bytes(8 + s.prng.below(300))];
  const others = Array.from({ length: s.prng.below(12) }, (): Operation => {
    if (s.prng.chance(0.3)) return [s.key(60), undefined];
    return [s.key(60), s.bytes(s.prng.chance(0.05) ? 9000 : s.prng.below(300))];
  });
  return [first, ...others];
}

/** Queues operations as the next state; the promise is kept when that is promised. */
function queue(s: Session, operations: readonly Operation[]): Promise<void> {
  s.history.begin(s.model.fingerprint());
  const state = s.history.newest;
  const promises = operations.map(([key, value]): Promise<unknown> => {
    const { store } = s;
    return value === undefined ? store.deleteAsync(keyBytes(key)) : store.putAsync(keyBytes(key), value);
  });
  return Promise.all(promises).then(
    () => s.history.promise(state),
    (error: unknown) => {
      if (!(s instanceof FaultSession)) throw error;
      s.expect(error);
    },
  );
}

function applied(s: Session, operations: readonly Operation[]): Session["model"] {
  const next = s.model.clone();
  for (const [key, value] of operations) {
    if (value === undefined) next.tree("").delete(key);
    else next.tree("").set(key, value);
  }
  return next;
}

/** Operations that the end of the turn brings in; `waiting` gets their promise. */
export async function byTheTurn(s: Session, waiting: Promise<void>[]): Promise<void> {
  const operations = someOperations(s);
  const before = s.model;
  const { commits } = s.store.metrics().log;
  s.model = applied(s, operations);
  waiting.push(queue(s, operations));
  await new Promise((resolve) => setImmediate(resolve));
  if (s.store.metrics().log.commits > commits) s.history.commit();
  else s.model = before;
}

/** Operations that the next change brings in before itself. */
function byTheNextChange(s: Session, waiting: Promise<void>[]): void {
  const operations = someOperations(s);
  s.model = applied(s, operations);
  waiting.push(queue(s, operations));
  s.put(s.key(60), s.bytes(40));
}

export async function awaitedWrites(s: Session): Promise<void> {
  s.open();
  let waiting: Promise<void>[] = [];
  for (let i = 0; i < 40; i++) {
    // On a disk that fails it could not be told which of the two commits did.
    if (s instanceof FaultSession || s.prng.chance(0.7)) await byTheTurn(s, waiting);
    else byTheNextChange(s, waiting);
    if (s.prng.chance(0.05)) s.checkpoint();
    if (s.prng.chance(0.2)) {
      await Promise.all(waiting);
      waiting = [];
    }
  }
  await Promise.all(waiting);
  s.close();
}
