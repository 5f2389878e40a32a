/** Live allocator states: built from a leaf's slots, or found ready. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type CountedKind, countedRows } from "./counter-rows.js";
import { stackedKinds } from "./stacked-kinds.js";

const KINDS: readonly CountedKind[] = [
  { id: "state reused", counter: "allocator.state_reuses", color: "#009e73" },
  { id: "state built", counter: "allocator.state_builds", color: "#e69f00" },
];

export function allocatorState(data: DashboardData): Chart {
  return stackedKinds({
    name: "allocator-state",
    section: "allocator",
    title: "Allocator states built and reused",
    about:
      "For 1,000 operations: edits that found the free regions of their leaf ready, and those that had to " +
      "build them from the slot extents first. Edits that need no hole need no state and are not here.",
    empty: "No edit of this run needed the state of an allocator: nothing left a hole.",
    rows: countedRows(data, KINDS),
    kinds: KINDS,
    valueTitle: "edits for 1,000 operations",
    stack: "zero",
  });
}
