/** Arithmetic on counter trees. */

import type { CounterNode, CounterTree } from "./document.js";

/** after - before, leaf by leaf; what `before` lacks counts from 0. */
export function counterDelta(before: CounterTree, after: CounterTree): CounterTree {
  const delta: CounterTree = {};
  for (const [name, value] of Object.entries(after)) delta[name] = nodeDelta(before[name], value);
  return delta;
}

function nodeDelta(before: CounterNode | undefined, after: CounterNode): CounterNode {
  if (typeof after === "number") return after - (typeof before === "number" ? before : 0);
  if (Array.isArray(after)) {
    const earlier = Array.isArray(before) ? before : [];
    return after.map((value, i) => value - (earlier[i] ?? 0));
  }
  return counterDelta(isTree(before) ? before : {}, after);
}

function isTree(node: CounterNode | undefined): node is CounterTree {
  return typeof node === "object" && !Array.isArray(node);
}

/** The number at a dotted path, like "log.bytes"; a tree's or list's numbers are added up. Null when absent. */
export function counterAt(tree: CounterTree, path: string): number | null {
  let node: CounterNode | undefined = tree;
  for (const name of path.split(".")) {
    if (!isTree(node) || !Object.hasOwn(node, name)) return null;
    node = node[name];
  }
  return node === undefined ? null : total(node);
}

function total(node: CounterNode): number {
  if (typeof node === "number") return node;
  const parts = Array.isArray(node) ? node : Object.values(node).map(total);
  return parts.reduce((sum, part) => sum + part, 0);
}
