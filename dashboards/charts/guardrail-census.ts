/** What the legacy in-place edits did: in place, or a rebuild, and which guardrail made it. */

import { rowsOf } from "../data/cells.js";
import type { DashboardData } from "../data/model.js";
import type { Census } from "../documents/matrix-run.js";
import type { Chart } from "./chart.js";
import { type Kind, stackedKinds } from "./stacked-kinds.js";

const KINDS: readonly Kind[] = [
  { id: "in place", color: "#1f7fc4" },
  { id: "replacement", color: "#d55e00" },
  { id: "fence_mismatch", color: "#cc79a7" },
  { id: "contiguous_space", color: "#e69f00" },
  { id: "fragmentation", color: "#8570c9" },
  { id: "split_prep", color: "#44aa99" },
  { id: "delete_first_key", color: "#a19322" },
  { id: "borrow_or_merge", color: "#b5654a" },
  { id: "always", color: "#8a8f98" },
];

export function guardrailCensus(data: DashboardData): Chart {
  const rows = rowsOf(data.run, ({ census }) => {
    if (census === null || census.edits === 0) return null;
    const counts = countsByGuardrail(census);
    return KINDS.flatMap(({ id }) => {
      const count = counts.get(id) ?? 0;
      return count === 0 ? [] : [{ kind: id, count, value: count, edits: census.edits }];
    });
  });
  return stackedKinds({
    name: "guardrail-census",
    section: "guardrails",
    title: "Which guardrail made the legacy way rebuild",
    about:
      "Each bar is all leaf edits of one cell: those done in place, and those that rebuilt the leaf, by the " +
      "guardrail that fired first. rebuild asks none: its edits are 'always'.",
    empty: "No legacy engine (rebuild, rebuild-on-miss) edited a leaf in this run.",
    rows,
    kinds: KINDS,
    valueTitle: "share of leaf edits",
    stack: "normalize",
  });
}

function countsByGuardrail(census: Census): Map<string, number> {
  const counts = new Map<string, number>([["in place", census.inPlace]]);
  for (const { guardrail, count } of census.fired)
    counts.set(guardrail, (counts.get(guardrail) ?? 0) + count);
  return counts;
}
