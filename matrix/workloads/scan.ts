/**
 * scan, and level-all, which is the same by one `all()` of an abstract-level iterator: whole-store scans, forward for the order "sequential" and backward for "descending"; for "random"
 * and "zipfian" ranges of 100 records from a drawn key on. An operation is one record visited.
 */

import type { EngineStore, LevelReads, ScanRange } from "../engines/engine.js";
import type { WorkloadName } from "../results/document.js";
import type { Key } from "../streams/shapes.js";
import type { Pass, PassContext, Workload } from "./workload.js";

/** Records in a drawn range. */
const RANGE_RECORDS = 100;

/** Visits the records of a range; says how many they were. */
type Visit = (range: ScanRange) => number | Promise<number>;

export const scan: Workload = scanning("scan", (store) => (range) => store.scan(range));

export const levelAll: Workload = scanning("level-all", ({ level }) => (level as LevelReads).all);

function scanning(name: WorkloadName, visiting: (store: EngineStore) => Visit): Workload {
  return {
    name,
    hasCommitEvery: false,
    writes: false,
    prepare(context, operations) {
      const visit = visiting(context.store);
      const { order } = context.stream.spec;
      const whole = order === "sequential" || order === "descending";
      return whole
        ? wholeScans(context, visit, operations, order === "descending")
        : rangeScans(context, visit, operations);
    },
  };
}

function wholeScans(context: PassContext, visit: Visit, operations: number, reverse: boolean): Pass {
  const { expectation } = context;
  const iterations = Math.max(1, Math.round(operations / expectation.records));
  const range: ScanRange = { from: null, reverse, limit: -1 };
  let wrong: number | null = null;
  const check = (seen: number): void => {
    if (seen !== expectation.records) wrong = seen;
  };
  return {
    iterations,
    opsPerIteration: expectation.records,
    operations: iterations * expectation.records,
    run: () => checked(visit(range), check),
    problem: () => (wrong === null ? null : `a scan saw ${wrong} records, not ${expectation.records}`),
  };
}

function rangeScans({ stream, keys }: PassContext, visit: Visit, operations: number): Pass {
  const ranks = stream.keys;
  const count = Math.max(1, Math.floor(operations / RANGE_RECORDS));
  const ranges: ScanRange[] = [];
  let expected = 0;
  for (let i = 0; i < count; i++) {
    const rank = ranks[i % ranks.length] as number;
    ranges.push({ from: keys[rank] as Key, reverse: false, limit: RANGE_RECORDS });
    expected += Math.min(RANGE_RECORDS, keys.length - rank);
  }
  let next = 0;
  let seen = 0;
  const add = (records: number): void => {
    seen += records;
  };
  return {
    iterations: count,
    opsPerIteration: expected / count,
    operations: expected,
    run: () => checked(visit(ranges[next++] as ScanRange), add),
    problem: () => (seen === expected ? null : `ranges held ${seen} records, not ${expected}`),
  };
}

function checked(seen: number | Promise<number>, use: (seen: number) => void): void | Promise<void> {
  if (typeof seen === "number") use(seen);
  else return seen.then(use);
}
