/**
 * Half gets, half puts: of every commit's operations the gets read what is committed, and the puts (one in two
 * of a new record, the others of other values) are one transaction.
 */

import type { EngineStore } from "../../engines/engine.js";
import { collectYoung } from "../../runner/timing.js";
import { seededRandom, shuffle } from "../../stats/random.js";
import type { Key } from "../../streams/shapes.js";
import type { Bed } from "../bed.js";
import { type Content, loadedContent } from "../dataset.js";
import { numberOption, type Runner, sum, type TaskContext, timeEach, warmBy } from "./task.js";
import { warmUp, withStore } from "./writes.js";

interface Operations {
  readonly gets: readonly Key[];
  readonly puts: readonly Key[];
  readonly values: readonly Buffer[];
}

export async function mixed({ bed, options, warm }: TaskContext): Promise<Runner> {
  const commitEvery = numberOption(options, "commitEvery");
  const operations = numberOption(options, "operations");
  let awaited = false;
  let last: { folder: string; content: Content } | null = null;
  const run = async (label: string): Promise<Record<string, number>> => {
    if (last !== null) bed.discard(last.folder);
    const folder = await bed.copyOfLoaded();
    const content = loadedContent(bed.data);
    const values: Record<string, number> = {};
    await withStore(bed, folder, async (store) => {
      for (const [turn, name] of ["first", "steady"].entries()) {
        const chosen = choose(bed, operations, label, turn, content);
        values[name] = operations / (await timePhase(store, chosen, commitEvery, awaited));
      }
    });
    last = { folder, content };
    return values;
  };
  if (warm) {
    awaited = await warmUp(bed, { commitEvery: Math.ceil(commitEvery / 2), group: 0 });
    await warmBy(async (number) => {
      await run(`warm ${number}`);
      return 2 * operations;
    });
  }
  return {
    async round(number) {
      return { values: await run(String(number)) };
    },
    async finish() {
      return last === null ? null : bed.prove(last.folder, last.content);
    },
  };
}

/** The operations of one phase; notes in `content` what they come to. */
function choose(bed: Bed, operations: number, label: string, turn: number, content: Content): Operations {
  const { data } = bed;
  const count = Math.floor(operations / 2);
  const random = seededRandom(data.spec.seed, `mixed ${label}`);
  const fresh = shuffle(data.fresh.slice(), random);
  const puts = data.draw(count, `mixed puts ${label} ${turn}`);
  for (let i = 0; i < count; i += 2) puts[i] = fresh[turn * count + i] as number;
  const version = 2 + turn;
  const versions = Array.from(puts, (rank) => (content[rank] === 0 ? 1 : version));
  const values = versions.map((v, i) => data.valueOf(puts[i] as number, v));
  puts.forEach((rank, i) => {
    content[rank] = versions[i] as number;
  });
  const gets = data.draw(operations - count, `mixed gets ${label} ${turn}`);
  return { gets: bed.keysOf(gets), puts: bed.keysOf(puts), values };
}

async function timePhase(
  store: EngineStore,
  { gets, puts, values }: Operations,
  commitEvery: number,
  awaited: boolean,
): Promise<number> {
  const step = Math.max(1, Math.floor(commitEvery / 2));
  let from = 0;
  let to = 0;
  let found = 0;
  const putAll = (): void => {
    for (let i = from; i < to; i++) store.put(puts[i] as Key, values[i] as Buffer);
  };
  const next = (): void | Promise<void> => {
    from = to;
    to = Math.min(puts.length, from + step);
    for (let i = from; i < to; i++) {
      const value = store.get(gets[i] as Key);
      if (value !== undefined && value !== null) found++;
    }
    return store.transaction(putAll);
  };
  collectYoung();
  const samples = await timeEach(Math.ceil(puts.length / step), next, awaited);
  if (found !== gets.length) throw new Error(`${gets.length - found} of ${gets.length} gets found nothing`);
  return sum(samples) / 1000;
}
