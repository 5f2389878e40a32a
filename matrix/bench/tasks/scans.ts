/**
 * Scans: the whole store, or ranges of `limit` records from a random key on, by the kind of result. An
 * operation is one record visited.
 */

import type { ScanRange } from "../../engines/engine.js";
import { collectYoung } from "../../runner/timing.js";
import type { Key } from "../../streams/shapes.js";
import { openScanner, type ScanKind } from "../handles.js";
import { numberOption, type Runner, sum, type TaskContext, timeEach } from "./task.js";

export async function scans({ bed, mode, options, warm }: TaskContext): Promise<Runner> {
  const scanner = await openScanner(bed, mode as ScanKind);
  const limit = numberOption(options, "limit");
  const records = numberOption(options, "operations");
  const reverse = options["reverse"] === true;
  const { data } = bed;
  const ascending = data.loaded.slice().sort();
  const position = new Map<number, number>();
  if (limit >= 0) ascending.forEach((rank, i) => void position.set(rank, i));

  const ranges = (label: string): { ranges: ScanRange[]; expected: number } => {
    if (limit < 0) {
      const turns = Math.max(1, Math.round(records / ascending.length));
      const whole: ScanRange = { from: null, reverse, limit: -1 };
      return { ranges: new Array<ScanRange>(turns).fill(whole), expected: turns * ascending.length };
    }
    const ranks = data.draw(Math.ceil(records / limit), label);
    const keys: Key[] = bed.keysOf(ranks);
    let expected = 0;
    for (const rank of ranks) {
      const at = position.get(rank) as number;
      expected += Math.min(limit, reverse ? at + 1 : ascending.length - at);
    }
    return { ranges: keys.map((from) => ({ from, reverse, limit })), expected };
  };
  const awaited = scanner.scan({ from: null, reverse, limit: 1 }) instanceof Promise;
  const round = async (label: string): Promise<number> => {
    const { ranges: chosen, expected } = ranges(label);
    let next = 0;
    let seen = 0;
    const add = (count: number): void => {
      seen += count;
    };
    const run = (): void | Promise<void> => {
      const counted = scanner.scan(chosen[next++] as ScanRange);
      if (typeof counted === "number") add(counted);
      else return counted.then(add);
    };
    collectYoung();
    const samples = await timeEach(chosen.length, run, awaited);
    if (seen !== expected) throw new Error(`scans saw ${seen} records, not ${expected}`);
    return expected / (sum(samples) / 1000);
  };
  if (warm) await round("warm");
  return {
    async round(number) {
      return { values: { records: await round(`round ${number}`) } };
    },
    async finish() {
      await scanner.close();
      return null;
    },
  };
}
