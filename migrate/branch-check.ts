/**
 * The branches of a tree whose leaves were checked: they lead to exactly these leaves, in their order, and the
 * separators between them are the leaves' low fences. The leaves are not read again.
 */

import { CorruptionError } from "../src/base/errors.js";
import { addFence } from "./leaf-check.js";
import type { StorePages } from "./store-pages.js";

export interface KnownLeaves {
  readonly count: number;
  readonly page: (index: number) => number;
  /** As LeafCheck sums them up. */
  readonly fences: number;
}

/** One step of the walk: a child, or the separator in front of the next one. */
type Step = { readonly page: number; readonly level: number } | { readonly separator: Uint8Array };

/** Throws CorruptionError. */
export function checkBranches(pages: StorePages, root: number, leaves: KnownLeaves): void {
  const bad = (page: number, reason: string): CorruptionError =>
    new CorruptionError("M2", reason, { path: pages.path, page, offset: -1 });
  const stack: Step[] = [{ page: root, level: pages.children(root).level }];
  let leaf = 0;
  let fences = 0;
  while (stack.length > 0) {
    const step = stack.pop()!;
    if ("separator" in step) {
      fences = addFence(fences, step.separator);
      continue;
    }
    const { page, level } = step;
    if (level === 0) {
      if (leaf >= leaves.count || page !== leaves.page(leaf++))
        throw bad(page, "a branch leads to another leaf than was written");
      continue;
    }
    const children = pages.children(page);
    if (children.level !== level) throw bad(page, `it is of level ${children.level}, not ${level}`);
    for (let i = children.pages.length - 1; i >= 0; i--) {
      stack.push({ page: children.pages[i]!, level: level - 1 });
      if (i > 0) stack.push({ separator: children.separators[i - 1]! });
    }
  }
  if (leaf !== leaves.count) throw bad(root, "the branches do not lead to all leaves");
  if (fences !== leaves.fences) throw bad(root, "the separators are not the fences of the leaves");
}
