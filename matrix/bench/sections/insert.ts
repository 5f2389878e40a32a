/** Inserts and overwrites, random and sequential, committed every 100, 1,000 and 10,000. */

import type { BedSpec, Cell, FigureSpec, Section, Target } from "../plan.js";
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

const COMMIT_EVERY = [100, 1000, 10_000];
const TEXT_COMMIT_EVERY = [1000];

type Order = "random" | "sequential";

export const insert: Section = {
  id: "insert",
  title: "Inserts, by commit interval",
  target:
    "10,000 records: 1.5x the best durable peer (sequential in one transaction of 10,000: 1.2x); 1,000,000: random 2x, at commit 1,000 2.5x, sequential 1.2x",
  cells: (sizes) => sizes.records.flatMap((records) => writeCells("insert", records, sizes)),
};

export const overwrite: Section = {
  id: "overwrite",
  title: "Overwrites in place, by commit interval",
  target: "as inserts",
  cells: (sizes) => sizes.records.flatMap((records) => writeCells("overwrite", records, sizes)),
};

function writeCells(
  kind: "insert" | "overwrite",
  records: number,
  sizes: Parameters<Section["cells"]>[0],
): Cell[] {
  const u64 = bedOf("u64", records, sizes);
  const orders: readonly Order[] = ["random", "sequential"];
  const cells = orders.flatMap((order) => COMMIT_EVERY.map((every) => writeCell(kind, u64, order, every)));
  if (kind === "overwrite") return cells;
  const text = bedOf("text", records, sizes);
  return [...cells, ...TEXT_COMMIT_EVERY.map((every) => writeCell(kind, text, "random", every))];
}

function writeCell(kind: "insert" | "overwrite", bed: BedSpec, order: Order, commitEvery: number): Cell {
  const peers = peersFor(bed.shape);
  const fromEmpty = kind === "insert" && bed.records < LARGE_RECORDS;
  const operations = phaseOperations(bed.records);
  const sustained = isSustained(kind, bed, order, commitEvery) ? sustainedOperations(bed.records) : 0;
  const phases = [
    ...(fromEmpty ? ["empty"] : []),
    "first",
    "steady",
    ...(sustained > 0 ? ["sustained"] : []),
  ];
  const atLeast = factor(bed, order, commitEvery);
  const onlyByName = isDetail(kind, bed, order, commitEvery);
  const logTarget: Target[] = isLogCell(kind, bed, order, commitEvery)
    ? [{ figure: "steady log bytes", mine: "espalier", against: { value: 100 }, atMost: 1 }]
    : [];
  return {
    id: `${kind}/${bed.shape}/${bed.records}/${order}/${commitEvery}`,
    title: `${kind}, ${order}, commit every ${commitEvery}: ${operations.toLocaleString("en")} operations a phase, ${sustained > 0 ? `${sustained.toLocaleString("en")} sustained, ` : ""}${fromEmpty ? "into nothing, then into" : "into"} ${bedTitle(bed)}`,
    bed,
    task: "writes",
    ...(onlyByName ? { onlyByName } : {}),
    options: {
      kind,
      order,
      commitEvery,
      operations,
      group: 0,
      fromEmpty,
      ...(sustained > 0 ? { sustained } : {}),
    },
    entries: [ESPALIER, ...peers],
    figures: [...phases.map(perSecond), ...phases.map(logBytesFigure), ...latencyFigures()],
    targets: [
      ...phases.map(
        (figure): Target => ({ figure, mine: "espalier", against: { entries: ids(peers) }, atLeast }),
      ),
      ...logTarget,
      ...(commitEvery === 100 ? latencyTargets(ids(peers)) : []),
    ],
  };
}

/** Of large beds the sequential cells but one, and of overwrites all but one. */
function isDetail(kind: string, bed: BedSpec, order: Order, commitEvery: number): boolean {
  if (commitEvery === 1000) return kind === "overwrite" && order === "sequential";
  return (kind === "overwrite" || order === "sequential") && bed.records >= LARGE_RECORDS;
}

/** Long phases are for random inserts in large commits: in small ones a sync is most of the time. */
function isSustained(kind: string, bed: BedSpec, order: Order, commitEvery: number): boolean {
  return kind === "insert" && bed.shape === "u64" && order === "random" && commitEvery >= 1000;
}

function factor(bed: BedSpec, order: Order, commitEvery: number): number {
  if (bed.records < LARGE_RECORDS) return order === "sequential" && commitEvery === 10_000 ? 1.2 : 1.5;
  if (order === "sequential") return 1.2;
  return commitEvery === 1000 ? 2.5 : 2;
}

function logBytesFigure(phase: string): FigureSpec {
  return { name: `${phase} log bytes`, unit: " B", better: "lower" };
}

/** Log bytes are a target where the pages have been touched before: the steady phase of small random inserts. */
function isLogCell(kind: string, bed: BedSpec, order: Order, commitEvery: number): boolean {
  return kind === "insert" && bed.shape === "u64" && order === "random" && commitEvery === 1000;
}

export function latencyFigures(): FigureSpec[] {
  return [
    { name: "p99", unit: " µs", better: "lower", percentile: { of: "steady", quantile: 0.99 } },
    { name: "p999", unit: " µs", better: "lower", percentile: { of: "steady", quantile: 0.999 } },
  ];
}

export function latencyTargets(peers: readonly string[]): Target[] {
  return ["p99", "p999"].map((figure) => ({
    figure,
    mine: "espalier",
    against: { entries: peers },
    atMost: 1,
  }));
}
