/** The store as the exporters of its metrics see it. */

import { ClosedError } from "../base/errors.js";
import type { MetricsSource } from "./definitions.js";

/** What is used of a store. */
export interface MeasuredStore {
  readonly path: string;
  metrics(): MetricsSource["metrics"];
  stats(): MetricsSource["stats"];
}

/** The options of both registries. */
export const LABEL_OPTIONS: ReadonlySet<string> = new Set(["name"]);

/** A store's figures; null once it is closed: one that nobody unregistered must not hide the others. */
export function sourceOf(store: MeasuredStore): MetricsSource | null {
  try {
    return { metrics: store.metrics(), stats: store.stats() };
  } catch (error) {
    if (error instanceof ClosedError) return null;
    throw error;
  }
}
