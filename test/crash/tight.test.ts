/** The tight workloads of the crash test come to the rare things that they are there for, at every page size. */

import { expect, it } from "vitest";
import { type Reach, reachOf } from "../support/reach.js";
import { pageSizesOf, WORKLOADS, type Workload } from "../support/workloads.js";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

const WANTED: Readonly<Record<string, readonly (keyof Reach)[]>> = {
  "tight-transactions": ["spills", "spillsUndone", "checkpoints", "carriedOver", "finishedInside"],
  "tight-space": ["spills", "spillsUndone", "checkpoints", "carriedOver", "reused", "cuts"],
  "tight-snapshots": ["versionSpills", "versionsReread", "spills", "spillsUndone", "carriedOver", "reused"],
  "tight-reopening": ["cuts", "spills", "carriedOver", "checkpoints", "versionSpills", "reused"],
  "tight-meanwhile": ["spills", "spillsUndone", "checkpoints", "carriedOver", "reused", "cuts"],
  "tight-failing": ["finishedInside", "writtenInside", "beforeImages", "spilledInside", "carriedOver"],
};

it("each of them is asked what it comes to", () => {
  const tight = WORKLOADS.filter(({ name }) => name.startsWith("tight-")).map(({ name }) => name);
  expect(Object.keys(WANTED)).toEqual(tight);
});

const cases = Object.keys(WANTED).flatMap((name) => {
  const workload = WORKLOADS.find((one) => one.name === name) as Workload;
  return pageSizesOf(workload).map((pageSize) => ({ workload, pageSize }));
});

it.each(cases)("$workload.name, pages of $pageSize bytes", async ({ workload, pageSize }) => {
  let missing = WANTED[workload.name]!;
  for (const seed of SEEDS) {
    if (missing.length === 0) break;
    const reach = await reachOf(workload, pageSize, seed);
    missing = missing.filter((name) => reach[name] === 0);
  }
  expect(missing, `never, with the seeds ${SEEDS}`).toEqual([]);
});
