/**
 * level-gets: gets as the Level ecosystem makes them, `await db.get(key)`, one after the other; an iteration
 * is a fixed group of them. (`reads` takes the same database's getSync.)
 */

import type { LevelReads } from "../engines/engine.js";
import type { Key } from "../streams/shapes.js";
import type { Pass, PassContext, Workload } from "./workload.js";

const GROUP_GETS = 1000;

export const levelGets: Workload = {
  name: "level-gets",
  hasCommitEvery: false,
  writes: false,
  prepare: getPass,
};

function getPass({ store, stream, keys }: PassContext, operations: number): Pass {
  const level = store.level as LevelReads;
  const ranks = stream.keys;
  let next = 0;
  let missed = 0;
  return {
    iterations: Math.ceil(operations / GROUP_GETS),
    opsPerIteration: Math.min(operations, GROUP_GETS),
    operations,
    async run() {
      for (const end = Math.min(operations, next + GROUP_GETS); next < end; next++) {
        const value = await level.get(keys[ranks[next] as number] as Key);
        if (value === undefined) missed++;
      }
    },
    problem: () => (missed === 0 ? null : `${missed} of ${operations} gets found nothing`),
  };
}
