/**
 * reopen: opening a cleanly closed store and answering one get. recover: the same for a copy of the files
 * taken while the store was open, after the stream's commits: what a crash of the process leaves behind.
 * An operation is one opening.
 */

import { contentHash } from "../engines/content-hash.js";
import type { EngineStore } from "../engines/engine.js";
import type { Key } from "../streams/shapes.js";
import type { Pass, PassContext, Workload } from "./workload.js";
import { writePass } from "./writes.js";

const OPENINGS = 5;

export const reopen: Workload = { name: "reopen", hasCommitEvery: false, writes: false, prepare: reopenPass };

export const recover: Workload = {
  name: "recover",
  hasCommitEvery: true,
  writes: true,
  prepare: recoverPass,
};

function reopenPass(context: PassContext): Pass {
  let closed = false;
  const pass = openings(
    context,
    async () => {
      if (!closed) await context.store.close();
      closed = true;
    },
    async () => () => context.reopen(),
  );
  return { ...pass, closesStore: true };
}

function recoverPass(context: PassContext, operations: number): Pass {
  const writes = writePass(context, operations);
  let written = false;
  return openings(
    context,
    async () => {
      if (written) return;
      for (let i = 0; i < writes.iterations; i++) await writes.run();
      written = true;
    },
    () => context.crashImage(),
  );
}

function openings(
  context: PassContext,
  once: () => Promise<void>,
  opener: () => Promise<() => Promise<EngineStore>>,
): Pass {
  const { stream, keys } = context;
  const probe = keys[stream.preload[0] as number] as Key;
  let open: () => Promise<EngineStore>;
  let store: EngineStore | null = null;
  let missed = 0;
  let hash: string | null = null;
  return {
    iterations: OPENINGS,
    opsPerIteration: 1,
    operations: OPENINGS,
    async before() {
      await once();
      open = await opener();
    },
    async run() {
      store = await open();
      const value = store.get(probe);
      if (value === undefined || value === null) missed++;
    },
    async after() {
      if (store !== null && hash === null) hash = await contentHash(store);
      await store?.close();
    },
    problem() {
      if (missed > 0) return `${missed} of ${OPENINGS} openings lost a record`;
      return hash === context.expectation.hash ? null : "what was opened again has another content";
    },
  };
}
