/** What did not fit: allocator failures by kind, beside the splits, merges and borrows that followed. */

import type { DashboardData } from "../data/model.js";
import type { Chart } from "./chart.js";
import { type CountedKind, countedRows } from "./counter-rows.js";
import { stackedKinds } from "./stacked-kinds.js";

const KINDS: readonly CountedKind[] = [
  { id: "no room for a slot", counter: "allocator.failures.slot_overflow", color: "#cc79a7" },
  { id: "no room for the record", counter: "allocator.failures.payload_exhausted", color: "#b0529e" },
  { id: "page full", counter: "allocator.failures.page_full", color: "#8570c9" },
  { id: "split", counter: "leaf.splits", color: "#56b4e9" },
  { id: "merge", counter: "leaf.merges", color: "#009e73" },
  { id: "borrow", counter: "leaf.borrows", color: "#a19322" },
];

export function allocatorFailures(data: DashboardData): Chart {
  return stackedKinds({
    name: "allocator-failures",
    section: "allocator",
    title: "What did not fit, and what followed",
    about:
      "For 1,000 operations: edits that a page could not take, by kind, and the splits, merges and borrows " +
      "of leaves. A failure of the allocator is in order where a split or a borrow followed.",
    empty: "No page ran full in this run.",
    rows: countedRows(data, KINDS),
    kinds: KINDS,
    valueTitle: "events for 1,000 operations",
    stack: "zero",
  });
}
