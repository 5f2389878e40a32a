/** What concerns a whole store or process: opening, recovery, cold reads, memory, the first operations. */

import type { BedSpec, Cell, Entry, FigureSpec, Section, Sizes } from "../plan.js";
import { bedOf, bedTitle, ESPALIER, inMode, LARGE_RECORDS, LMDB, peersFor, SQLITE_BLOB } from "./entries.js";

const MS: FigureSpec = { name: "open and get", unit: " ms", better: "lower" };
const GIBIBYTE_BED = { records: 1_000_000, valueBytes: 900 };
const LOG_MIB_MAX = 64;

export const opening: Section = {
  id: "open",
  title: "Opening and recovery",
  target: "1 GiB after a clean close: under 50 ms; recovery: at least 100 MB of log a second",
  cells: (sizes) => [
    ...sizes.records.map((records) => openCell(bedOf("u64", records, sizes), true)),
    recoveryCell(bedOf("u64", Math.max(...sizes.records), sizes)),
    ...(sizes.large
      ? [openCell({ shape: "u64", seed: sizes.seed, ...GIBIBYTE_BED } satisfies BedSpec, false)]
      : []),
  ],
};

function openCell(bed: BedSpec, withPeers: boolean): Cell {
  const espalier = inMode(ESPALIER, "clean");
  const peers = withPeers ? peersFor(bed.shape).map((entry) => inMode(entry, "clean")) : [];
  return {
    id: `open/${bed.records}/${bed.valueBytes}`,
    title: `open after a clean close, and a get: ${bedTitle(bed)}`,
    bed,
    task: "openings",
    options: {},
    entries: [espalier, ...peers],
    figures: [MS, { name: "MiB of files", unit: " MiB", better: "lower" }],
    targets: [{ figure: MS.name, mine: "espalier", against: { value: 50 }, atMost: 1 }],
  };
}

function recoveryCell(bed: BedSpec): Cell {
  return {
    id: `open/recovery/${bed.records}`,
    title: `recovery of a full log: ${bedTitle(bed)}`,
    bed,
    task: "openings",
    options: { logMiB: bed.records < LARGE_RECORDS ? 0.1 : LOG_MIB_MAX },
    entries: [inMode(ESPALIER, "crashed")],
    figures: [
      { name: "recovery", unit: " MB/s", better: "higher" },
      { name: "MB of log", unit: " MB", better: "higher" },
    ],
    targets: [{ figure: "recovery", mine: "espalier", against: { value: 100 }, atLeast: 1 }],
  };
}

const COLD_CACHE_BYTES = 2 ** 24;
const COLD_ENTRIES: readonly Entry[] = [
  inMode(ESPALIER, "dropped", "espalier dropped", "espalier, file dropped from the page cache"),
  inMode(ESPALIER, "cached", "espalier cached", "espalier, file in the page cache"),
];

export const cold: Section = {
  id: "cold",
  title: "Cold reads: a file much larger than the cache",
  target: "within 1.5x of the page reads that they need",
  cells: (sizes) => {
    const bed = bedOf("text", Math.max(...sizes.records), sizes);
    return [
      {
        id: `cold/${bed.records}`,
        title: `get with a cache of 16 MiB: ${bedTitle(bed)}`,
        bed,
        task: "cold",
        options: { operations: Math.min(bed.records, 50_000), cacheBytes: COLD_CACHE_BYTES },
        entries: COLD_ENTRIES,
        figures: [
          { name: "get", unit: " µs", better: "lower" },
          { name: "pages read", unit: "", better: "lower" },
          { name: "page read", unit: " µs", better: "lower" },
          { name: "cost", unit: "x", better: "lower" },
        ],
        targets:
          bed.records < LARGE_RECORDS
            ? []
            : [{ figure: "cost", mine: "espalier dropped", against: { value: 1.5 }, atMost: 1 }],
      },
    ];
  },
};

const MEMORY_CACHE_MIB = 32;

export const memory: Section = {
  id: "memory",
  title: "Memory",
  target: "within cacheBytes plus 64 MiB above an idle Node process, whatever the file size",
  cells: (sizes) =>
    [...sizes.records, ...(sizes.large ? [2_000_000] : [])].map((records): Cell => {
      const bed = bedOf("text", records, sizes);
      return {
        id: `memory/${records}`,
        title: `resident memory with a cache of ${MEMORY_CACHE_MIB} MiB: ${bedTitle(bed)}`,
        bed,
        task: "memory",
        options: { cacheMiB: MEMORY_CACHE_MIB },
        entries: [ESPALIER],
        figures: [
          { name: "above idle", unit: " MiB", better: "lower" },
          { name: "above the cache", unit: " MiB", better: "lower" },
        ],
        targets: [{ figure: "above the cache", mine: "espalier", against: { value: 64 }, atMost: 1 }],
      };
    }),
};

const START_FIGURES = ["insert", "get"].flatMap((name): FigureSpec[] => [
  { name: `${name}, cold`, unit: " µs", better: "lower" },
  { name: `${name}, warm`, unit: " µs", better: "lower" },
  { name: `${name}, cold to warm`, unit: "x", better: "lower" },
]);

export const start: Section = {
  id: "start",
  title: "The first 10,000 operations of a process",
  target: "at most 3x the warm cost",
  cells: ({ seed, records }: Sizes) => {
    const bed = bedOf("u64", Math.min(10_000, ...records), { seed, records, large: false });
    return [
      {
        id: "start/10000",
        title: `the first ${bed.records.toLocaleString("en")} inserts (commit every 1,000) and gets of a process`,
        bed,
        task: "start",
        options: { operations: bed.records, commitEvery: 1000 },
        freshProcess: true,
        entries: [ESPALIER, SQLITE_BLOB, LMDB],
        figures: START_FIGURES,
        targets: ["insert", "get"].map((name) => ({
          figure: `${name}, cold to warm`,
          mine: "espalier",
          against: { value: 3 },
          atMost: 1,
        })),
      },
    ];
  },
};
