/**
 * One colour and one mark for each engine, everywhere. The colours are those of Okabe and Ito and of Tol,
 * told apart with every common colour vision, at a lightness that reads on white as on near black. Where
 * two engines are near each other in colour their marks differ.
 */

export interface EngineStyle {
  readonly color: string;
  /** The name of a Vega symbol that fills its place: marks have no outline. */
  readonly shape: string;
}

const STYLES: readonly (readonly [string, EngineStyle])[] = [
  ["espalier", { color: "#1f7fc4", shape: "circle" }],
  ["espalier-group", { color: "#56b4e9", shape: "circle" }],
  ["espalier-none", { color: "#7d9fd6", shape: "circle" }],
  ["espalier-level", { color: "#3a6ea5", shape: "diamond" }],
  ["espalier-level-buffered", { color: "#8fb3d9", shape: "diamond" }],
  ["rebuild", { color: "#d55e00", shape: "square" }],
  ["rebuild-on-miss", { color: "#e69f00", shape: "square" }],
  ["better-sqlite3", { color: "#009e73", shape: "triangle-up" }],
  ["better-sqlite3-blob", { color: "#4fae5b", shape: "triangle-down" }],
  ["lmdb", { color: "#cc79a7", shape: "diamond" }],
  ["lmdb-awaited", { color: "#b0529e", shape: "diamond" }],
  ["classic-level", { color: "#a19322", shape: "cross" }],
  ["classic-level-buffered", { color: "#c9bd5a", shape: "cross" }],
  ["rocksdb", { color: "#b5654a", shape: "cross" }],
  ["node-sqlite3-wasm", { color: "#44aa99", shape: "triangle-right" }],
  ["node-sqlite", { color: "#7ba03f", shape: "triangle-left" }],
  ["sorted-btree", { color: "#8a8f98", shape: "square" }],
];

/** All engines that have a style of their own. */
export const ENGINE_IDS: readonly string[] = STYLES.map(([id]) => id);

const BY_ID: ReadonlyMap<string, EngineStyle> = new Map(STYLES);
const ORDER: ReadonlyMap<string, number> = new Map(STYLES.map(([id], i) => [id, i]));

/** For engines that later runs may add. */
const UNKNOWN: EngineStyle = { color: "#8570c9", shape: "triangle-down" };

/** The style of an engine's id. */
export function engineStyle(id: string): EngineStyle {
  return BY_ID.get(id) ?? UNKNOWN;
}

/** Where an engine stands in legends and tables; unknown ones stand last. */
export function engineOrder(id: string): number {
  return ORDER.get(id) ?? STYLES.length;
}
