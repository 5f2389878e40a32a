/** get, has, getInto, getView: warm, in random order over random keys. */

import type { BedSpec, Cell, Entry, Section, Sizes, Target } from "../plan.js";
import {
  bedOf,
  bedTitle,
  CLASSIC_LEVEL,
  ESPALIER,
  inMode,
  LARGE_RECORDS,
  LMDB,
  perSecond,
  ROCKSDB,
  SQLITE_BLOB,
  SQLITE_INTEGER,
  SQLITE_TEXT,
} from "./entries.js";

/** Reads are cheap: more rounds make the medians firmer. */
const ROUNDS_FACTOR = 3;
const VIEW_VALUE_BYTES = 1024;

const HAS: Entry = inMode(ESPALIER, "has", "espalier has", "espalier has");
const INTO: Entry = inMode(ESPALIER, "into", "espalier getInto", "espalier getInto");
const VIEW: Entry = inMode(ESPALIER, "view", "espalier getView", "espalier getView");

export const get: Section = {
  id: "get",
  title: "Warm gets in random order",
  target:
    "1.3x lmdb (copying, binary); 3x better-sqlite3's plain get; no slower than better-sqlite3 inside one read transaction",
  cells: (sizes) =>
    sizes.records.flatMap((records) =>
      (["u64", "text"] as const).map((shape) => getCell(bedOf(shape, records, sizes))),
    ),
};

function getCell(bed: BedSpec): Cell {
  const sqlite = bed.shape === "text" ? [SQLITE_TEXT] : [SQLITE_INTEGER, SQLITE_BLOB];
  const plain = sqlite.map((entry) => inMode(entry, "get"));
  const inside = sqlite.map((entry) =>
    inMode(entry, "transaction", `${entry.id} in a transaction`, `${entry.title}, one read transaction`),
  );
  const best = inside[0] as Entry;
  const others = [LMDB, CLASSIC_LEVEL, ROCKSDB].map((entry) => inMode(entry, "get"));
  return {
    id: `get/${bed.shape}/${bed.records}`,
    title: `get: ${bedTitle(bed)}, ${operationsOf(bed).toLocaleString("en")} gets a round`,
    bed,
    task: "gets",
    options: { operations: operationsOf(bed) },
    roundsFactor: ROUNDS_FACTOR,
    entries: [inMode(ESPALIER, "get"), ...plain, ...inside, ...others],
    figures: [perSecond("gets")],
    targets: [
      { figure: "gets", mine: "espalier", against: { entries: ["lmdb"] }, atLeast: 1.3 },
      { figure: "gets", mine: "espalier", against: { entries: plain.map(({ id }) => id) }, atLeast: 3 },
      { figure: "gets", mine: "espalier", against: { entries: [best.id] }, atLeast: 1 },
    ],
  };
}

export const ways: Section = {
  id: "ways",
  title: "has, getInto and getView beside the copying get",
  target: "has and getInto at least 1.3x the copying get; so do views of values from 1 KiB",
  cells(sizes) {
    const beds = sizes.records.map((records) => bedOf("u64", records, sizes));
    return [...beds.map((bed) => waysCell(bed, [HAS, INTO])), waysCell(viewBed(sizes), [HAS, INTO, VIEW])];
  },
};

function viewBed({ records, seed }: Sizes): BedSpec {
  return { shape: "u64", records: Math.min(...records), valueBytes: VIEW_VALUE_BYTES, seed };
}

function waysCell(bed: BedSpec, entries: readonly Entry[]): Cell {
  const targets = entries.map(
    ({ id }): Target => ({ figure: "gets", mine: id, against: { entries: ["espalier"] }, atLeast: 1.3 }),
  );
  return {
    id: `ways/${bed.valueBytes}/${bed.records}`,
    title: `ways of reading: ${bedTitle(bed)}, ${operationsOf(bed).toLocaleString("en")} gets a round`,
    bed,
    task: "gets",
    options: { operations: operationsOf(bed) },
    roundsFactor: ROUNDS_FACTOR,
    entries: [inMode(ESPALIER, "get"), ...entries],
    figures: [perSecond("gets")],
    targets,
  };
}

function operationsOf({ records }: BedSpec): number {
  return records >= LARGE_RECORDS ? 200_000 : Math.min(100_000, records * 10);
}
