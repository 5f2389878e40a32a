/** Draws fill and fragmentation over a store's file, a cell for some pages in a row. */

import {
  PAGE_BRANCH,
  PAGE_DAMAGED,
  PAGE_FREE,
  PAGE_HEADER,
  PAGE_LEAF,
  PAGE_OVERFLOW,
  PAGE_UNKNOWN,
  type StoreSurvey,
} from "./survey.js";

export interface KindSummary {
  readonly kind: string;
  readonly pages: number;
  /** Of tree pages; 0 of others. */
  readonly usedBytes: number;
  readonly holeBytes: number;
}

const NAMES: readonly (readonly [number, string])[] = [
  [PAGE_LEAF, "leaf"],
  [PAGE_BRANCH, "branch"],
  [PAGE_OVERFLOW, "overflow"],
  [PAGE_FREE, "free"],
  [PAGE_HEADER, "header"],
  [PAGE_DAMAGED, "damaged"],
  [PAGE_UNKNOWN, "unreached"],
];

/** Pages and bytes by kind; kinds without a page are left out. */
export function summarise({ kinds, used, holes }: StoreSurvey): KindSummary[] {
  const sums = new Map(NAMES.map(([kind]) => [kind, { pages: 0, usedBytes: 0, holeBytes: 0 }]));
  for (let page = 0; page < kinds.length; page++) {
    const sum = sums.get(kinds[page]!)!;
    sum.pages++;
    sum.usedBytes += used[page]!;
    sum.holeBytes += holes[page]!;
  }
  return NAMES.map(([kind, name]) => ({ kind: name, ...sums.get(kind)! })).filter(({ pages }) => pages > 0);
}

const HISTOGRAM_STEPS = 10;

/** Leaves by how full they are: ten steps of ten percent, the fullest last. */
export function fillHistogram({ kinds, used }: StoreSurvey, pageSize: number): number[] {
  const steps = new Array<number>(HISTOGRAM_STEPS).fill(0);
  for (let page = 0; page < kinds.length; page++) {
    if (kinds[page] !== PAGE_LEAF) continue;
    const step = Math.min(HISTOGRAM_STEPS - 1, Math.floor((used[page]! / pageSize) * HISTOGRAM_STEPS));
    steps[step]!++;
  }
  return steps;
}

const CELLS_A_LINE = 64;
const LINES_MAX = 16;
const FILL = "▁▂▃▄▅▆▇█";
const HOLES = "0123456789";
const OTHERS: Record<number, string> = {
  [PAGE_HEADER]: "H",
  [PAGE_OVERFLOW]: "o",
  [PAGE_FREE]: "·",
  [PAGE_DAMAGED]: "!",
  [PAGE_UNKNOWN]: "?",
};

export interface FileMap {
  readonly pagesPerCell: number;
  /** Fill of tree pages; letters for the others. */
  readonly fill: string[];
  /** Tenths of the used space of tree pages that lie in holes. */
  readonly fragmentation: string[];
}

/** The map, of at most sixteen lines, 64 cells each unless told that there is room for fewer. */
export function mapOf(survey: StoreSurvey, pageSize: number, room: number = CELLS_A_LINE): FileMap {
  const pages = survey.kinds.length;
  const cells = Math.max(1, Math.min(CELLS_A_LINE, room));
  const pagesPerCell = Math.max(1, Math.ceil(pages / (cells * LINES_MAX)));
  const fill: string[] = [];
  const fragmentation: string[] = [];
  let fillLine = "";
  let holeLine = "";
  for (let from = 0; from < pages; from += pagesPerCell) {
    const cell = cellOf(survey, from, Math.min(pages, from + pagesPerCell), pageSize);
    fillLine += cell.fill;
    holeLine += cell.holes;
    if (fillLine.length < cells && from + pagesPerCell < pages) continue;
    fill.push(fillLine);
    fragmentation.push(holeLine);
    fillLine = "";
    holeLine = "";
  }
  return { pagesPerCell, fill, fragmentation };
}

function cellOf(
  { kinds, used, holes }: StoreSurvey,
  from: number,
  to: number,
  pageSize: number,
): { fill: string; holes: string } {
  let treePages = 0;
  let usedBytes = 0;
  let holeBytes = 0;
  let other = PAGE_FREE;
  for (let page = from; page < to; page++) {
    const kind = kinds[page]!;
    if (kind === PAGE_DAMAGED) return { fill: "!", holes: "!" };
    if (kind === PAGE_LEAF || kind === PAGE_BRANCH) {
      treePages++;
      usedBytes += used[page]!;
      holeBytes += holes[page]!;
    } else if (kind !== PAGE_FREE) other = kind;
  }
  if (treePages === 0) return { fill: OTHERS[other]!, holes: OTHERS[other]! };
  const full = Math.min(FILL.length - 1, Math.floor((usedBytes / (treePages * pageSize)) * FILL.length));
  const part = holeBytes / (usedBytes + holeBytes);
  return { fill: FILL[full]!, holes: HOLES[Math.min(9, Math.ceil(part * 10))]! };
}
