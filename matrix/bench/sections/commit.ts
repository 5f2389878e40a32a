/** One-record commits beside the raw limit; awaited puts of concurrent callers; the slowest commits. */

import type { Cell, Entry, FigureSpec, Section } from "../plan.js";
import {
  bedOf,
  bedTitle,
  CLASSIC_LEVEL,
  ESPALIER,
  ids,
  inMode,
  LARGE_RECORDS,
  peersFor,
  perSecond,
  phaseOperations,
  ROCKSDB,
} from "./entries.js";
import { latencyFigures, latencyTargets } from "./insert.js";

const COMMITS = 500;
const CALLERS = [1, 16, 64, 256];
const LATENCY_COMMIT_EVERY = 100;

const RAW: readonly Entry[] = [
  inMode(ESPALIER, "fdatasync", "raw fdatasync", "raw: overwrite 4 KiB, fdatasync"),
  inMode(ESPALIER, "dsync", "raw O_DSYNC", "raw: overwrite 4 KiB, O_DSYNC"),
];

const P50: FigureSpec = {
  name: "steady p50",
  unit: " µs",
  better: "lower",
  percentile: { of: "steady", quantile: 0.5 },
};

export const commit: Section = {
  id: "commit",
  title: "One-record commits",
  target: "within 1.2x of the raw limit of the same run, the faster of fdatasync and O_DSYNC",
  cells: (sizes) =>
    sizes.records.map((records): Cell => {
      const bed = bedOf("u64", records, sizes);
      return {
        id: `commit/${records}`,
        title: `commits of one insert: ${COMMITS} a phase, into ${bedTitle(bed)}`,
        bed,
        task: "commits",
        options: {
          kind: "insert",
          order: "random",
          commitEvery: 1,
          group: 0,
          operations: Math.min(COMMITS, records),
          fromEmpty: false,
        },
        entries: [ESPALIER, ...RAW, ...peersFor("u64")],
        figures: [P50, ...["first", "steady"].map(perSecond)],
        targets: [{ figure: P50.name, mine: "espalier", against: { entries: ids(RAW) }, atMost: 1.2 }],
      };
    }),
};

const GROUP: Entry = {
  id: "espalier-group",
  title: "espalier (group)",
  engine: "espalier-group",
  mode: "put",
};
const LMDB_AWAITED: Entry = {
  id: "lmdb-awaited",
  title: "lmdb (awaited puts)",
  engine: "lmdb-awaited",
  mode: "put",
};

export const awaited: Section = {
  id: "awaited",
  title: "Awaited writes of concurrent callers",
  target: "1.5x lmdb's awaited puts",
  cells: (sizes) => {
    const bed = bedOf("u64", Math.min(...sizes.records), sizes);
    return CALLERS.map((callers): Cell => {
      const operations = Math.min(bed.records, callers === 1 ? 1000 : 10_000);
      return {
        id: `awaited/${callers}`,
        title: `awaited puts of ${callers} callers: ${operations.toLocaleString("en")} a round, into ${bedTitle(bed)}`,
        bed,
        task: "awaited",
        options: { callers, operations },
        entries: [GROUP, LMDB_AWAITED, CLASSIC_LEVEL, ROCKSDB],
        figures: [perSecond("puts")],
        targets: [
          { figure: "puts", mine: "espalier-group", against: { entries: ["lmdb-awaited"] }, atLeast: 1.5 },
        ],
      };
    });
  },
};

export const latency: Section = {
  id: "latency",
  title: "The slowest commits of 100 inserts",
  target: "p99 and p999 no worse than the best peer's: checkpoints must not stall",
  onlyByName: true,
  cells: (sizes) =>
    sizes.records
      .filter((records) => records >= LARGE_RECORDS || sizes.records.length === 1)
      .map((records): Cell => {
        const bed = bedOf("u64", records, sizes);
        const peers = peersFor("u64");
        return {
          id: `latency/${records}`,
          title: `commits of ${LATENCY_COMMIT_EVERY} inserts, random, into ${bedTitle(bed)}`,
          bed,
          task: "writes",
          roundsFactor: 3,
          options: {
            kind: "insert",
            order: "random",
            commitEvery: LATENCY_COMMIT_EVERY,
            group: 0,
            operations: phaseOperations(records),
            fromEmpty: false,
          },
          entries: [ESPALIER, ...peers],
          figures: [perSecond("steady"), ...latencyFigures()],
          targets: latencyTargets(ids(peers)),
        };
      }),
};
