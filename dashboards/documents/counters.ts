/** Reading numbers out of counter trees. */

import type { CellRow, CounterNode, CounterTree } from "./matrix-run.js";

/** The number at a dotted path, like "allocator.failures"; a group's or list's numbers are added up. Null when absent. */
export function counterAt(tree: CounterTree, path: string): number | null {
  let node: CounterNode | undefined = tree;
  for (const name of path.split(".")) {
    if (node === undefined || !isTree(node)) return null;
    node = node[name];
  }
  return node === undefined ? null : total(node);
}

/**
 * The operations that a cell's counters stand for. They are of one pass over the operations, where a round
 * may have several; the log bytes, which the document has both ways, tell how many there were.
 */
export function countedOperations({ operations, counters, bytes }: CellRow): number | null {
  const logged = counters === null ? null : counterAt(counters.delta, "log.bytes");
  const each = bytes?.logPerOperation ?? null;
  return logged !== null && logged > 0 && each !== null && each > 0 ? Math.round(logged / each) : operations;
}

/** Every number of a tree with its dotted path; lists are added up. */
export function flatCounters(tree: CounterTree, prefix = ""): [string, number][] {
  return Object.entries(tree).flatMap(([name, node]): [string, number][] =>
    isTree(node) ? flatCounters(node, `${prefix}${name}.`) : [[`${prefix}${name}`, total(node)]],
  );
}

function isTree(node: CounterNode): node is CounterTree {
  return typeof node === "object" && !Array.isArray(node);
}

function total(node: CounterNode): number {
  if (typeof node === "number") return node;
  const parts: readonly number[] = isTree(node) ? Object.values(node).map(total) : node;
  return parts.reduce((sum, part) => sum + part, 0);
}
