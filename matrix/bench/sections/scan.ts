/** Range scans, forward and reverse, of everything and of 100 records, by the kind of result. */

import type { BedSpec, Cell, Entry, Section } from "../plan.js";
import {
  bedOf,
  bedTitle,
  CLASSIC_LEVEL,
  ESPALIER,
  inMode,
  LMDB,
  perSecond,
  ROCKSDB,
  SQLITE_BLOB,
  SQLITE_TEXT,
} from "./entries.js";

const RANGE_RECORDS = 100;
const VISITED_MIN = 200_000;

interface Kind {
  readonly mode: "records" | "keys" | "strings";
  readonly shape: BedSpec["shape"];
  readonly title: string;
}

const KINDS: readonly Kind[] = [
  { mode: "records", shape: "u64", title: "two fresh buffers" },
  { mode: "strings", shape: "text", title: "two strings" },
  { mode: "keys", shape: "u64", title: "keys only, buffers" },
];

export const scan: Section = {
  id: "scan",
  title: "Range scans by the kind of result",
  target: "at least the best peer that returns the same kind of result",
  cells: (sizes) =>
    sizes.records.flatMap((records) =>
      KINDS.flatMap((kind) =>
        [-1, RANGE_RECORDS].flatMap((limit) =>
          [false, true].map((reverse) => scanCell(kind, bedOf(kind.shape, records, sizes), limit, reverse)),
        ),
      ),
    ),
};

function scanCell(kind: Kind, bed: BedSpec, limit: number, reverse: boolean): Cell {
  const sqlite = bed.shape === "text" ? SQLITE_TEXT : SQLITE_BLOB;
  const peers: Entry[] = [sqlite, LMDB, CLASSIC_LEVEL, ROCKSDB].map((entry) => inMode(entry, kind.mode));
  const direction = reverse ? "reverse" : "forward";
  const extent = limit < 0 ? "full" : `${limit} records`;
  return {
    id: `scan/${kind.mode}/${bed.records}/${limit < 0 ? "full" : limit}/${direction}`,
    title: `scan, ${kind.title}, ${extent}, ${direction}: ${bedTitle(bed)}`,
    bed,
    task: "scans",
    options: { operations: Math.max(bed.records, VISITED_MIN), limit, reverse },
    ...(reverse && kind.mode !== "records" ? { onlyByName: true } : {}),
    entries: [inMode(ESPALIER, kind.mode), ...peers],
    figures: [perSecond("records")],
    targets: [
      {
        figure: "records",
        mine: "espalier",
        against: { entries: peers.map(({ id }) => id) },
        atLeast: 1,
      },
    ],
  };
}
