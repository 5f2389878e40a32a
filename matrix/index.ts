/** The benchmark matrix as a library. Long calls take an AbortSignal; documents are checked on both ways. */

export { type CellGroup, cellId, groupId, parseCellId } from "./plan/cells.js";
export { PRESET_NAMES, type PresetName } from "./plan/presets.js";
export { type CensusRow, censusOf } from "./reports/census.js";
export {
  type CellComparison,
  type Change,
  compareRuns,
  DEFAULT_THRESHOLD,
  type RunComparison,
  regressions,
} from "./reports/compare.js";
export { toCsv } from "./reports/csv.js";
export { explainCell, explainId, findCell, reproducible } from "./reports/explain.js";
export { type Gate, type GatesDocument, gateRun, readGates } from "./reports/gate.js";
export {
  type HistoryOptions,
  type HistoryPoint,
  type HistorySeries,
  historyOf,
  readRuns,
} from "./reports/history.js";
export { type HotFunction, hotFunctions, hotTable, readProfiles } from "./reports/hot.js";
export { type CellRatio, geometricMeans, ratiosTo } from "./reports/ratios.js";
export {
  censusTable,
  comparisonTable,
  gateTable,
  historyTable,
  runMarkdown,
  runTable,
} from "./reports/table.js";
export type {
  CellRow,
  Census,
  EngineRow,
  Environment,
  GateResult,
  GateVerdict,
  LimitRow,
  RunDocument,
} from "./results/document.js";
export {
  assertRunDocument,
  RunDocumentError,
  readRun,
  runDocumentProblems,
  writeRun,
} from "./results/validate.js";
export type { MatrixOptions } from "./runner/options.js";
export { type MatrixProgress, progressPrinter } from "./runner/progress.js";
export { runMatrix } from "./runner/run.js";
