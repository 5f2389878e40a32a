/** How the cost of an operation grows with the store, beside lmdb; caches hold the whole store. */

import type { Cell, Section, Target } from "../plan.js";
import {
  bedOf,
  bedTitle,
  ESPALIER,
  inMode,
  LARGE_RECORDS,
  LMDB,
  perSecond,
  phaseOperations,
} from "./entries.js";

const STEP = 10;
const LARGEST = 10_000_000;
const GETS = 200_000;
const INSERT_COMMIT_EVERY = 1000;

const NO_TARGETS: readonly Target[] = [];

export const growth: Section = {
  id: "growth",
  title: "Cost of an operation as the store grows",
  target: "from 10,000 to 10,000,000 records it grows no more than lmdb's in the same run",
  cells: (sizes) => {
    const largest = sizes.large ? LARGEST : Math.max(...sizes.records);
    const counts: number[] = [];
    for (let records = Math.min(...sizes.records); records <= largest; records *= STEP) counts.push(records);
    return counts.flatMap((records): Cell[] => {
      const bed = bedOf("u64", records, sizes);
      const operations = phaseOperations(records);
      return [
        {
          id: `growth/get/${records}`,
          title: `get: ${bedTitle(bed)}`,
          bed,
          task: "gets",
          options: { operations: records < LARGE_RECORDS ? records * 5 : GETS },
          roundsFactor: 2,
          entries: [inMode(ESPALIER, "get"), inMode(LMDB, "get")],
          figures: [perSecond("gets")],
          targets: NO_TARGETS,
        },
        {
          id: `growth/insert/${records}`,
          title: `insert, random, commit every ${INSERT_COMMIT_EVERY}: ${bedTitle(bed)}`,
          bed,
          task: "writes",
          options: {
            kind: "insert",
            order: "random",
            commitEvery: INSERT_COMMIT_EVERY,
            group: 0,
            operations,
            fromEmpty: false,
          },
          entries: [ESPALIER, LMDB],
          figures: ["first", "steady"].map(perSecond),
          targets: NO_TARGETS,
        },
      ];
    });
  },
  curves: [
    { cells: "growth/get", figure: "gets", mine: "espalier", other: "lmdb" },
    { cells: "growth/insert", figure: "steady", mine: "espalier", other: "lmdb" },
  ],
};
