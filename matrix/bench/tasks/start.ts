/**
 * The first operations of a process: inserts into a new store and gets, beside the same operations once they
 * have been done many times over. Only means something in a process that has run nothing else.
 */

import type { EngineStore } from "../../engines/engine.js";
import { collectYoung } from "../../runner/timing.js";
import type { Key } from "../../streams/shapes.js";
import type { Bed } from "../bed.js";
import { numberOption, type Runner, type TaskContext } from "./task.js";

/** Repetitions until the code counts as warm. */
const TURNS = 20;
/** The last ones, of which the median counts. */
const WARM_TURNS = 5;

export async function start({ bed, options }: TaskContext): Promise<Runner> {
  const operations = numberOption(options, "operations");
  const commitEvery = numberOption(options, "commitEvery");
  return {
    async round() {
      const ranks = bed.data.loaded.slice(0, operations);
      const inserts: number[] = [];
      const gets: number[] = [];
      for (let turn = 0; turn < TURNS; turn++) {
        const folder = bed.emptyFolder();
        const store = await bed.open(folder);
        collectYoung();
        inserts.push(await insertUs(bed, store, ranks, commitEvery));
        gets.push(getUs(bed, store, ranks));
        await store.close();
        bed.discard(folder);
      }
      return { values: { ...coldAndWarm("insert", inserts), ...coldAndWarm("get", gets) } };
    },
    finish: async () => null,
  };
}

function coldAndWarm(name: string, us: readonly number[]): Record<string, number> {
  const cold = us[0] as number;
  const last = us.slice(-WARM_TURNS).sort((a, b) => a - b);
  const warm = last[Math.floor(last.length / 2)] as number;
  return { [`${name}, cold`]: cold, [`${name}, warm`]: warm, [`${name}, cold to warm`]: cold / warm };
}

async function insertUs(
  bed: Bed,
  store: EngineStore,
  ranks: Uint32Array,
  commitEvery: number,
): Promise<number> {
  const [keys, values] = [bed.keysOf(ranks), bed.data.valuesOf(ranks)];
  const started = performance.now();
  for (let from = 0; from < keys.length; from += commitEvery) {
    const to = Math.min(keys.length, from + commitEvery);
    await store.transaction(() => {
      for (let i = from; i < to; i++) store.put(keys[i] as Key, values[i] as Buffer);
    });
  }
  return ((performance.now() - started) * 1000) / keys.length;
}

function getUs(bed: Bed, store: EngineStore, ranks: Uint32Array): number {
  const keys = bed.keysOf(ranks);
  let found = 0;
  const started = performance.now();
  for (const key of keys) {
    const value = store.get(key);
    if (value !== undefined && value !== null) found++;
  }
  const taken = performance.now() - started;
  if (found !== keys.length) throw new Error(`${keys.length - found} gets found nothing`);
  return (taken * 1000) / keys.length;
}
