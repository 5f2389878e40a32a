/**
 * Counts what the legacy ways do to leaves: edits served in place, edits that rebuilt the leaf, and which
 * guardrail made them. Splits, merges and borrows are read from the store's own counters.
 */

import type { LeafMetrics } from "../../src/base/metrics.js";
import type { Census, CensusEntry, Guardrail, LegacyPath } from "../results/document.js";

export class GuardrailCensus {
  #inPlace = 0;
  readonly #fired: Map<string, CensusEntry> = new Map();

  /** An edit was done where the leaf lies. */
  servedInPlace(): void {
    this.#inPlace++;
  }

  /** An edit rebuilt its leaf. */
  rebuilt(path: LegacyPath, guardrail: CensusEntry["guardrail"]): void {
    this.#add(path, guardrail, 1);
  }

  /**
   * The census so far. A split, merge or borrow rebuilt leaves whatever was tried before; `always` is for
   * the way that asks no guardrail.
   */
  report(leaf: Pick<LeafMetrics, "splits" | "merges" | "borrows">, always: boolean): Census {
    const whole = new GuardrailCensus();
    for (const { path, guardrail, count } of this.#fired.values()) whole.#add(path, guardrail, count);
    const named = (guardrail: Guardrail): CensusEntry["guardrail"] => (always ? "always" : guardrail);
    whole.#add("split_prep", named("split_prep"), leaf.splits);
    whole.#add("merge", named("borrow_or_merge"), leaf.merges);
    whole.#add("borrow", named("borrow_or_merge"), leaf.borrows);
    const fired = [...whole.#fired.values()];
    const rebuilds = fired.reduce((sum, { count }) => sum + count, 0);
    return { edits: this.#inPlace + rebuilds, inPlace: this.#inPlace, rebuilds, fired };
  }

  #add(path: LegacyPath, guardrail: CensusEntry["guardrail"], count: number): void {
    const name = `${path}/${guardrail}`;
    const entry = this.#fired.get(name);
    if (entry !== undefined) entry.count += count;
    else if (count > 0) this.#fired.set(name, { path, guardrail, count });
  }
}
