/** Loading: what is written for a record, and loading sorted records in bulk. */

import type { Cell, FigureSpec, Section } from "../plan.js";
import {
  bedOf,
  bedTitle,
  ESPALIER,
  ids,
  LARGE_RECORDS,
  LMDB,
  peersFor,
  perSecond,
  phaseOperations,
  ROCKSDB,
  SQLITE_INTEGER,
} from "./entries.js";

const COMMIT_EVERY = 1000;
const BULK_COMMIT_EVERY = 100_000;

export const written: Section = {
  id: "written",
  title: "Bytes written for a record",
  target:
    "log: under 100 bytes where the pages were touched before, under 180 over a whole load of 1,000,000; all writes of load and checkpoint: under 400 a record",
  cells: (sizes) => {
    const records = Math.max(...sizes.records);
    const bed = bedOf("u64", records, sizes);
    return [
      {
        id: `written/${records}`,
        title: `load, random, commit every ${COMMIT_EVERY}, and ${phaseOperations(records).toLocaleString("en")} more: ${bedTitle(bed)}`,
        bed,
        task: "loads",
        roundsFactor: records < LARGE_RECORDS ? 1 : 1 / 3,
        options: { order: "random", commitEvery: COMMIT_EVERY, operations: phaseOperations(records) },
        // Not all peers: each one takes long, and the limits are fixed values.
        entries: [ESPALIER, SQLITE_INTEGER, LMDB, ROCKSDB],
        figures: [
          perSecond("records"),
          bytes("log bytes"),
          bytes("log bytes, touched"),
          bytes("bytes written"),
        ],
        targets: [
          { figure: "log bytes, touched", mine: "espalier", against: { value: 100 }, atMost: 1 },
          { figure: "log bytes", mine: "espalier", against: { value: 180 }, atMost: 1 },
          { figure: "bytes written", mine: "espalier", against: { value: 400 }, atMost: 1 },
        ],
      },
    ];
  },
};

function bytes(name: string): FigureSpec {
  return { name, unit: " B", better: "lower" };
}

export const bulk: Section = {
  id: "bulk",
  title: "Loading sorted records in bulk",
  target: "none of its own; 1.2x the best durable peer, as sequential inserts",
  cells: (sizes) =>
    sizes.records.map((records): Cell => {
      const bed = bedOf("u64", records, sizes);
      const peers = peersFor("u64");
      const figures = ["records", "records, closed"];
      return {
        id: `bulk/${records}`,
        title: `load, sorted, ${BULK_COMMIT_EVERY.toLocaleString("en")} a transaction: ${bedTitle(bed)}`,
        bed,
        task: "loads",
        options: { order: "sequential", commitEvery: BULK_COMMIT_EVERY },
        entries: [ESPALIER, ...peers],
        figures: figures.map(perSecond),
        targets: figures.map((figure) => ({
          figure,
          mine: "espalier",
          against: { entries: ids(peers) },
          atLeast: 1.2,
        })),
      };
    }),
};
