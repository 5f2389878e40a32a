/** How leaf edits were served: in place, in a hole, at the tail, after a pack, or by rebuilding the leaf. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type CountedKind, countedRows } from "./counter-rows.js";
import { stackedKinds } from "./stacked-kinds.js";

const KINDS: readonly CountedKind[] = [
  { id: "in place", counter: "allocator.in_place_overwrites", color: "#1f7fc4" },
  { id: "hole", counter: "allocator.hole_fits", color: "#56b4e9" },
  { id: "tail", counter: "allocator.tail_fits", color: "#009e73" },
  { id: "compaction", counter: "allocator.compactions", color: "#e69f00" },
  { id: "leaf rebuild", counter: "leaf.rebuilds", color: "#d55e00" },
];

export function allocatorEdits(data: DashboardData): Chart {
  return stackedKinds({
    name: "allocator-edits",
    section: "allocator",
    title: "How leaf edits were served",
    about:
      "For 1,000 operations: edits that the allocator served in the record's own extent, in a hole or at the " +
      "tail, packs of a page that made room, and rebuilds of a whole leaf. The store's bars must show no " +
      "rebuild; what rebuild and rebuild-on-miss show is what the allocator saves.",
    empty: "No cell of this run has counters of leaf edits.",
    rows: countedRows(data, KINDS),
    kinds: KINDS,
    valueTitle: "events for 1,000 operations",
    stack: "zero",
  });
}
