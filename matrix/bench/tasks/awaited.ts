/**
 * Writes that several callers await at once: each puts a record, awaits that it is durable, and puts the next.
 * All operations together are one iteration.
 */

import { collectYoung } from "../../runner/timing.js";
import { seededRandom, shuffle } from "../../stats/random.js";
import type { Key } from "../../streams/shapes.js";
import { type AwaitedStore, openAwaited } from "../awaited-handles.js";
import { loadedContent } from "../dataset.js";
import { numberOption, type Runner, sum, type TaskContext, timeEach, warmBy } from "./task.js";

export async function awaited({ bed, options, warm }: TaskContext): Promise<Runner> {
  const callers = numberOption(options, "callers");
  const operations = numberOption(options, "operations");
  let last: { folder: string; ranks: Uint32Array } | null = null;

  const measure = async (label: string): Promise<number> => {
    if (last !== null) bed.discard(last.folder);
    const folder = await bed.copyOfLoaded();
    const ranks = shuffle(bed.data.fresh.slice(), seededRandom(bed.spec.seed, label)).slice(0, operations);
    const [keys, values] = [bed.keysOf(ranks), bed.data.valuesOf(ranks)];
    const store = await openAwaited(bed, folder);
    collectYoung();
    const samples = await timeEach(1, () => putAll(store, keys, values, callers), true);
    await store.close();
    last = { folder, ranks };
    return ranks.length / (sum(samples) / 1000);
  };
  if (warm) {
    await warmBy(async (number) => {
      await measure(`warm ${number}`);
      return operations;
    });
  }
  return {
    async round(number) {
      return { values: { puts: await measure(`awaited ${number}`) } };
    },
    async finish() {
      if (last === null) return null;
      const content = loadedContent(bed.data);
      for (const rank of last.ranks) content[rank] = 1;
      return bed.prove(last.folder, content);
    },
  };
}

async function putAll(
  store: AwaitedStore,
  keys: readonly Key[],
  values: readonly Buffer[],
  callers: number,
): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < keys.length) {
      const i = next++;
      await store.put(keys[i] as Key, values[i] as Buffer);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}
