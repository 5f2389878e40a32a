/** put_many in sorted groups of 64 and 1,000, a commit a group; mixed half and half; deletes of half. */

import type { BedSpec, Cell, Section, Sizes, Target } from "../plan.js";
import {
  bedOf,
  bedTitle,
  ESPALIER,
  ids,
  LARGE_RECORDS,
  peersFor,
  perSecond,
  phaseOperations,
  sustainedOperations,
} from "./entries.js";

const GROUPS = [64, 1000];
const MIXED_COMMIT_EVERY = [100, 10_000];
const DELETE_COMMIT_EVERY = 1000;
const PHASES = ["first", "steady"];

export const putMany: Section = {
  id: "put-many",
  title: "put_many in sorted groups",
  target: "into 1,000,000: 2x the best durable peer",
  cells: (sizes) =>
    sizes.records.flatMap((records) =>
      GROUPS.map((group): Cell => {
        const bed = bedOf("u64", records, sizes);
        const operations = phaseOperations(records);
        const sustained = sustainedOperations(records);
        const phases = sustained > 0 ? [...PHASES, "sustained"] : PHASES;
        const more = sustained > 0 ? `, ${sustained.toLocaleString("en")} sustained` : "";
        return {
          // The table asks for nothing at fewer records; a floor of 1 shows who is ahead.
          ...writing(bed, phases, records < LARGE_RECORDS ? 1 : 2),
          id: `put-many/${records}/${group}`,
          title: `put_many of ${group} at a time, a commit each: ${operations.toLocaleString("en")} operations a phase${more}, into ${bedTitle(bed)}`,
          options: {
            kind: "insert",
            order: "random",
            commitEvery: group,
            group,
            operations,
            fromEmpty: false,
            ...(sustained > 0 ? { sustained } : {}),
          },
        };
      }),
    ),
};

export const mixed: Section = {
  id: "mixed",
  title: "Half gets, half puts",
  target: "2x the best durable peer at 1,000,000 records, 1.5x at 10,000",
  cells: (sizes) =>
    sizes.records.flatMap((records) =>
      MIXED_COMMIT_EVERY.map((commitEvery): Cell => {
        const bed = bedOf("u64", records, sizes);
        const operations = phaseOperations(records);
        return {
          ...writing(bed, PHASES, records < LARGE_RECORDS ? 1.5 : 2),
          id: `mixed/${records}/${commitEvery}`,
          title: `mixed, commit every ${commitEvery}: ${operations.toLocaleString("en")} operations a phase, ${bedTitle(bed)}`,
          task: "mixed",
          options: { commitEvery, operations },
        };
      }),
    ),
};

export const remove: Section = {
  id: "delete",
  title: "Deletes of half the records, in random order",
  target: "1.5x the best durable peer",
  cells: (sizes) => sizes.records.map((records) => deleteCell(records, sizes)),
};

function deleteCell(records: number, sizes: Sizes): Cell {
  const bed = bedOf("u64", records, sizes);
  const operations = Math.floor(records / 2);
  return {
    ...writing(bed, ["deletes"], 1.5),
    id: `delete/${records}`,
    title: `delete, random, commit every ${DELETE_COMMIT_EVERY}: ${operations.toLocaleString("en")} of ${bedTitle(bed)}`,
    ...(records < LARGE_RECORDS ? {} : { roundsFactor: 1 / 3 }),
    options: {
      kind: "delete",
      order: "random",
      commitEvery: DELETE_COMMIT_EVERY,
      group: 0,
      operations,
      fromEmpty: false,
    },
  };
}

/** What the cells have in common: entries, figures and the ratio that is asked for. */
function writing(
  bed: BedSpec,
  phases: readonly string[],
  atLeast: number,
): Pick<Cell, "bed" | "task" | "entries" | "figures" | "targets"> {
  const peers = peersFor(bed.shape);
  return {
    bed,
    task: "writes",
    entries: [ESPALIER, ...peers],
    figures: phases.map(perSecond),
    targets: phases.map(
      (figure): Target => ({ figure, mine: "espalier", against: { entries: ids(peers) }, atLeast }),
    ),
  };
}
