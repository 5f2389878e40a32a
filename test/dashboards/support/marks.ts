/** What a rendered chart really shows: the data behind the marks that have a place and can be seen. */

import type { Scene } from "../../../dashboards/render.js";

interface Item {
  readonly marktype?: string;
  readonly items?: readonly Item[];
  readonly datum?: Record<string, unknown>;
  readonly x?: number;
  readonly y?: number;
  readonly x2?: number;
  readonly opacity?: number;
  readonly text?: unknown;
  readonly role?: string;
}

/** The data of all marks that can be seen; axes, legends and titles left out. */
export function shownData(scene: Scene): Record<string, unknown>[] {
  const shown: Record<string, unknown>[] = [];
  const pending: { item: Item; kind: string }[] = [
    { item: (scene as unknown as { root: Item }).root, kind: "group" },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { item, kind } = next;
    const isMark = item.marktype !== undefined;
    if (isMark && item.role !== undefined && !/^(frame|mark|scope|group)/.test(item.role)) continue;
    for (const child of item.items ?? []) pending.push({ item: child, kind: item.marktype ?? kind });
    if (!isMark && kind !== "group" && item.datum !== undefined && visible(item, kind))
      shown.push(item.datum);
  }
  return shown;
}

function visible(item: Item, kind: string): boolean {
  if (!Number.isFinite(item.x) || !Number.isFinite(item.y) || item.opacity === 0) return false;
  return kind !== "text" || (item.text !== undefined && item.text !== null && item.text !== "");
}
