/**
 * Gets of random records of a warm store. Modes: `get` copies the value, `transaction` does the same inside
 * one read transaction; of espalier also `has`, `into` (a reused buffer) and `view`.
 */

import type { EngineStore } from "../../engines/engine.js";
import { type MatrixStore, openEspalier, readingSide } from "../../engines/espalier.js";
import { collectYoung } from "../../runner/timing.js";
import type { Key } from "../../streams/shapes.js";
import type { Bed } from "../bed.js";
import { loadedContent } from "../dataset.js";
import { numberOption, type Runner, sum, type TaskContext, timeEach } from "./task.js";

/** Gets in an iteration, so that the clock's own cost does not count. */
const GROUP_GETS = 1000;
/** Gets of a round whose values are compared with what they must be. */
const COMPARED_GETS = 1000;

type Reading = Pick<EngineStore, "get" | "reading" | "close">;

export async function gets({ bed, mode, options, warm }: TaskContext): Promise<Runner> {
  const operations = numberOption(options, "operations");
  // A copy of its own: several ways of reading are measured beside each other, and a store has one opener.
  const folder = await bed.copyOfLoaded();
  const espalier = bed.engine.id === "espalier" ? openOwn(bed, folder) : null;
  const store: Reading = espalier === null ? await bed.open(folder) : readingSide(espalier, bed.spec.shape);
  const visit = visitor(store, espalier, mode, bed.spec.valueBytes);
  const round = async (label: string): Promise<number> => {
    const ranks = bed.data.draw(operations, label);
    const keys = bed.keysOf(ranks);
    collectYoung();
    const seconds = await timeGets(store, visit, keys, mode === "transaction");
    compareSome(bed, store, ranks, keys);
    return seconds;
  };
  return {
    async round(number) {
      // Once uncounted: while other engines had their turns, the system may have taken this process's memory from it.
      if (warm) await round(`before round ${number}`);
      return { values: { gets: operations / (await round(`round ${number}`)) } };
    },
    async finish() {
      await store.close();
      return bed.prove(folder, loadedContent(bed.data));
    },
  };
}

function openOwn(bed: Bed, folder: string): MatrixStore {
  const { shape } = bed.spec;
  return openEspalier({ folder, shape, profile: false, cacheBytes: bed.cacheBytes }, "sync");
}

/** Visits the keys of one group; returns how many it found. */
type Visitor = (keys: readonly Key[], from: number, to: number) => number;

function visitor(store: Reading, own: MatrixStore | null, mode: string, valueBytes: number): Visitor {
  if (mode === "get" || mode === "transaction") return copying(store);
  if (own === null) throw new Error(`only espalier has the mode ${mode}`);
  if (mode === "has") {
    return (keys, from, to) => {
      let found = 0;
      for (let i = from; i < to; i++) if (own.has(keys[i] as Key)) found++;
      return found;
    };
  }
  if (mode === "into") {
    const target = new Uint8Array(valueBytes);
    return (keys, from, to) => {
      let found = 0;
      for (let i = from; i < to; i++) if (own.getInto(keys[i] as Key, target) === valueBytes) found++;
      return found;
    };
  }
  return (keys, from, to) => {
    let found = 0;
    for (let i = from; i < to; i++) if (own.getView(keys[i] as Key)?.length === valueBytes) found++;
    return found;
  };
}

function copying(store: Reading): Visitor {
  return (keys, from, to) => {
    let found = 0;
    for (let i = from; i < to; i++) {
      const value = store.get(keys[i] as Key);
      if (value !== undefined && value !== null) found++;
    }
    return found;
  };
}

/** Seconds for all keys. Throws where one is not found. */
async function timeGets(
  store: Reading,
  visit: Visitor,
  keys: readonly Key[],
  transaction: boolean,
): Promise<number> {
  let next = 0;
  let found = 0;
  const group = (): void => {
    const to = Math.min(keys.length, next + GROUP_GETS);
    found += visit(keys, next, to);
    next = to;
  };
  const iterations = Math.ceil(keys.length / GROUP_GETS);
  let timed: Promise<number[]> | undefined;
  const all = (): void => {
    timed = timeEach(iterations, group, false);
  };
  if (transaction) store.reading(all);
  else all();
  const samples = await (timed as unknown as Promise<number[]>);
  if (found !== keys.length) throw new Error(`${keys.length - found} of ${keys.length} gets found nothing`);
  return sum(samples) / 1000;
}

function compareSome(bed: Bed, store: Reading, ranks: Uint32Array, keys: readonly Key[]): void {
  for (let i = 0; i < Math.min(COMPARED_GETS, ranks.length); i++) {
    const value = store.get(keys[i] as Key);
    if (value === undefined || value === null || !bed.data.valueOf(ranks[i] as number).equals(value)) {
      throw new Error(`a get of rank ${ranks[i]} gave another value`);
    }
  }
}
