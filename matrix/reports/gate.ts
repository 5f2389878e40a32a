/**
 * The rollout gates: rules that a run must meet, each answered with its figure, limit and margin. GO when
 * all are met. A gate that finds nothing to judge is not met: missing evidence is no evidence.
 */

import { readFile } from "node:fs/promises";
import { shippedJson } from "../../src/base/package-files.js";
import { counterAt } from "../results/counters.js";
import {
  type CellRow,
  type GateResult,
  type GateVerdict,
  NOT_YET,
  type RunDocument,
} from "../results/document.js";
import { workloadByName } from "../workloads/registry.js";
import { ratiosTo } from "./ratios.js";

export const GATES_SCHEMA = "espalier-matrix-gates";
export const DEFAULT_GATES_FILE = "docs/matrix-gates.json";

/** Which cells a gate judges. What is left out is not restricted. */
export interface GateScope {
  readonly engines?: readonly string[];
  readonly workloads?: readonly string[];
  readonly commitEvery?: readonly (number | null)[];
  readonly shapes?: readonly string[];
  readonly orders?: readonly string[];
  readonly records?: readonly number[];
}

interface GateBase {
  readonly id: string;
  readonly title: string;
  readonly scope: GateScope;
  readonly limit: number;
}

/** One rule. */
export type Gate =
  /** The change of a counter over a cell, at most `limit`. */
  | (GateBase & { readonly kind: "counter"; readonly counter: string })
  /** One counter less the sum of others, at most `limit`: failures that nothing followed. */
  | (GateBase & {
      readonly kind: "counter-excess";
      readonly counter: string;
      readonly over: readonly string[];
    })
  /** ops/s over those of another engine's cell in the same group, at least `limit`. */
  | (GateBase & { readonly kind: "ratio"; readonly baseline: string })
  /** A figure of the cell's row, at most `limit`. */
  | (GateBase & { readonly kind: "figure"; readonly figure: FigureName })
  /** Cells that failed or timed out, at most `limit`. */
  | (GateBase & { readonly kind: "failures" });

export type FigureName =
  | "log-bytes-per-operation"
  | "slot-extent-ns-per-operation"
  | "latency-p99-us"
  | "write-amplification"
  | "space-amplification";

interface Figure {
  readonly unit: string;
  readonly of: (cell: CellRow) => number | null | undefined;
}

const FIGURES: Record<FigureName, Figure> = {
  "log-bytes-per-operation": { unit: "bytes an operation", of: (cell) => cell.bytes?.logPerOperation },
  "slot-extent-ns-per-operation": {
    unit: "ns an operation",
    of: (cell) => cell.profile?.slotExtent.nsPerOperation,
  },
  "latency-p99-us": { unit: "µs", of: (cell) => cell.latencyUs?.p99 },
  "write-amplification": { unit: "times", of: (cell) => cell.bytes?.writeAmplification },
  "space-amplification": { unit: "times", of: (cell) => cell.bytes?.spaceAmplification },
};

/** Gates that a run is judged by: docs/matrix-gates.json is one, docs/matrix.md describes them. */
export interface GatesDocument {
  readonly schema: typeof GATES_SCHEMA;
  readonly version: 1;
  readonly gates: readonly Gate[];
}

/** Whether any gate is about one of these engines. */
export function isJudgedBy({ gates }: GatesDocument, engines: readonly string[]): boolean {
  return gates.some(({ scope }) => engines.some((engine) => allows(scope.engines, engine)));
}

/** Reads gates from a file, or those that ship with the package. Throws Error for anything that is no gates document. */
export async function readGates(path: string | null = null): Promise<GatesDocument> {
  const value: unknown = path === null ? shippedJson(DEFAULT_GATES_FILE) : await readJson(path);
  const document = value as Partial<GatesDocument> | null;
  if (document?.schema !== GATES_SCHEMA || document.version !== 1 || !Array.isArray(document.gates)) {
    throw new Error(`${path ?? DEFAULT_GATES_FILE} is no "${GATES_SCHEMA}" document of version 1`);
  }
  const gates = document.gates as readonly Gate[];
  // All of none are met: a document without gates would say GO to any run.
  if (gates.length === 0) throw new Error(`${path ?? DEFAULT_GATES_FILE} holds no gate`);
  for (const gate of gates) checkGate(gate);
  return { schema: GATES_SCHEMA, version: 1, gates };
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path}: not JSON: ${(error as SyntaxError).message}`);
  }
}

const SCOPE_FIELDS: readonly string[] = [
  "engines",
  "workloads",
  "commitEvery",
  "shapes",
  "orders",
  "records",
];

/** What a gate of each kind needs besides: a word, and whether it is one. */
const KINDS: Record<Gate["kind"], readonly (readonly [needed: string, is: (gate: Gate) => boolean])[]> = {
  counter: [["a counter", (gate) => "counter" in gate && typeof gate.counter === "string"]],
  "counter-excess": [
    ["a counter", (gate) => "counter" in gate && typeof gate.counter === "string"],
    [
      'a list of counters in "over"',
      (gate) =>
        "over" in gate && Array.isArray(gate.over) && gate.over.every((name) => typeof name === "string"),
    ],
  ],
  ratio: [["an engine as its baseline", (gate) => "baseline" in gate && typeof gate.baseline === "string"]],
  figure: [
    [
      `a figure of ${Object.keys(FIGURES).join(", ")}`,
      (gate) => "figure" in gate && Object.hasOwn(FIGURES, gate.figure),
    ],
  ],
  failures: [],
};

function checkGate(gate: Gate): void {
  const named = typeof gate?.id === "string" && typeof gate.title === "string";
  if (!named || !Number.isFinite(gate.limit) || typeof gate.scope !== "object" || gate.scope === null) {
    throw new Error(`a gate needs id, title, scope and limit: ${JSON.stringify(gate)}`);
  }
  const unknown = Object.keys(gate.scope).find((field) => !SCOPE_FIELDS.includes(field));
  if (unknown !== undefined)
    throw new Error(`gate ${gate.id} has "${unknown}" in its scope; there are ${SCOPE_FIELDS.join(", ")}`);
  // A text would be searched for parts: "espalier" is one of "espalier-group".
  const single = Object.entries(gate.scope).find(([, list]) => !Array.isArray(list));
  if (single !== undefined) throw new Error(`gate ${gate.id} needs a list for "${single[0]}" of its scope`);
  if (!Object.hasOwn(KINDS, gate.kind))
    throw new Error(`gate ${gate.id} has no kind of ${Object.keys(KINDS).join(", ")}`);
  const missing = KINDS[gate.kind].find(([, is]) => !is(gate));
  if (missing !== undefined) throw new Error(`gate ${gate.id} needs ${missing[0]}`);
}

/** Judges a run by gates. */
export function gateRun(
  run: RunDocument,
  gates: GatesDocument,
  gatesFile: string = DEFAULT_GATES_FILE,
): GateVerdict {
  const results = gates.gates.map((gate) => withoutWhatIsOpen(run, gate, judgeGate(run, gate)));
  return { verdict: results.every(({ pass }) => pass) ? "GO" : "NO-GO", gatesFile, gates: results };
}

/** A run that was stopped, or is still going, meets no gate whose cells it has not come to. */
function withoutWhatIsOpen(run: RunDocument, gate: Gate, result: GateResult): GateResult {
  const open = run.cells.filter((cell) => inScope(cell, gate.scope) && isOpen(run, gate, cell)).length;
  if (open === 0) return result;
  const detail = `${open} ${open === 1 ? "cell is" : "cells are"} not measured yet; ${result.detail}`;
  return { ...result, pass: false, detail };
}

/** Whether the run has yet to measure what the gate asks of the cell. */
function isOpen(run: RunDocument, gate: Gate, cell: CellRow): boolean {
  if (isNotYet(cell)) return true;
  if (cell.status !== "ok") return false;
  if (gate.kind === "ratio") return baselineOf(run, gate.baseline, cell).some(isNotYet);
  const isProfiled = gate.kind === "figure" && gate.figure === "slot-extent-ns-per-operation";
  const isPassDue = isProfiled && run.settings.profiledPass && workloadByName(cell.workload).writes;
  return isPassDue && !run.run.complete && cell.profile === null;
}

/** The cells that the cell's ratio could be to. */
function baselineOf(run: RunDocument, baseline: string, { group, durability }: CellRow): CellRow[] {
  return run.cells.filter(
    (other) => other.engine === baseline && other.group === group && other.durability === durability,
  );
}

function isBad({ status }: CellRow): boolean {
  return status === "failed" || status === "timeout";
}

function isNotYet({ status, reason }: CellRow): boolean {
  return status === "skipped" && reason === NOT_YET;
}

/** One cell's figure for a gate. */
interface Judged {
  readonly cell: string;
  readonly figure: number;
}

function judgeGate(run: RunDocument, gate: Gate): GateResult {
  const cells = run.cells.filter((cell) => inScope(cell, gate.scope));
  if (gate.kind === "failures") return failuresGate(gate, cells);
  const sound = cells.filter(({ status }) => status === "ok");
  const { judged, unit } = figuresFor(run, gate, sound);
  const atLeast = gate.kind === "ratio";
  const worst = judged.reduce<Judged | null>((held, next) => {
    if (held === null) return next;
    return (atLeast ? next.figure < held.figure : next.figure > held.figure) ? next : held;
  }, null);
  const facts = { id: gate.id, title: gate.title, limit: gate.limit, unit, cells: judged.length };
  const comparison = atLeast ? "at-least" : "at-most";
  if (worst === null) {
    return {
      ...facts,
      comparison,
      pass: false,
      figure: null,
      margin: null,
      cell: null,
      detail: "no cell to judge by",
    };
  }
  const margin = atLeast ? worst.figure - gate.limit : gate.limit - worst.figure;
  const broken = judged.filter(({ figure }) => (atLeast ? figure < gate.limit : figure > gate.limit)).length;
  const found = broken === 0 ? `${judged.length} cells` : `${broken} of ${judged.length} cells break it`;
  const detail = `${found}${withoutBaseline(run, gate, sound)}`;
  return { ...facts, comparison, pass: margin >= 0, figure: worst.figure, margin, cell: worst.cell, detail };
}

/** Says of how many cells nothing is known, since the baseline's own failed; empty: of none. */
function withoutBaseline(run: RunDocument, gate: Gate, cells: readonly CellRow[]): string {
  if (gate.kind !== "ratio") return "";
  const { baseline } = gate;
  const alone = cells.filter((cell) => baselineOf(run, baseline, cell).some(isBad)).length;
  return alone === 0 ? "" : `; ${alone} more not compared, since ${baseline} failed or timed out there`;
}

function failuresGate(gate: Gate, cells: readonly CellRow[]): GateResult {
  const bad = cells.filter(isBad);
  const tried = cells.filter((cell) => cell.status === "ok" || isBad(cell));
  const [first] = bad;
  return {
    id: gate.id,
    title: gate.title,
    pass: tried.length > 0 && bad.length <= gate.limit,
    figure: tried.length === 0 ? null : bad.length,
    comparison: "at-most",
    limit: gate.limit,
    margin: tried.length === 0 ? null : gate.limit - bad.length,
    unit: "cells",
    cell: first?.id ?? null,
    cells: tried.length,
    detail: tried.length === 0 ? "no cell to judge by" : (first?.reason ?? `${tried.length} cells`),
  };
}

function figuresFor(
  run: RunDocument,
  gate: Gate,
  cells: readonly CellRow[],
): { judged: Judged[]; unit: string } {
  const collect = (of: (cell: CellRow) => number | null | undefined): Judged[] =>
    cells.flatMap((cell) => {
      const figure = of(cell);
      return figure === null || figure === undefined ? [] : [{ cell: cell.id, figure }];
    });
  const counter = (cell: CellRow, path: string): number | null =>
    cell.counters === null ? null : counterAt(cell.counters.delta, path);
  switch (gate.kind) {
    case "counter":
      return { judged: collect((cell) => counter(cell, gate.counter)), unit: gate.counter };
    case "counter-excess":
      return {
        judged: collect((cell) => {
          const more = counter(cell, gate.counter);
          if (more === null) return null;
          const less = gate.over.reduce((sum, path) => sum + (counter(cell, path) ?? 0), 0);
          return Math.max(0, more - less);
        }),
        unit: `${gate.counter} beyond ${gate.over.join(" + ")}`,
      };
    case "ratio": {
      const ids = new Set(cells.map(({ id }) => id));
      const ratios = ratiosTo(run, gate.baseline).filter(({ cell }) => ids.has(cell.id));
      // The high end of the interval: a cell is called worse only when the rounds agree that it is.
      const judged = ratios.map(({ cell, ratio }) => ({ cell: cell.id, figure: ratio.high }));
      return { judged, unit: `times ${gate.baseline}` };
    }
    case "figure": {
      const { unit, of } = FIGURES[gate.figure];
      return { judged: collect(of), unit };
    }
    case "failures":
      return { judged: [], unit: "cells" };
  }
}

function inScope(cell: CellRow, scope: GateScope): boolean {
  return (
    allows(scope.engines, cell.engine) &&
    allows<string>(scope.workloads, cell.workload) &&
    allows(scope.commitEvery, cell.commitEvery) &&
    allows<string>(scope.shapes, cell.shape) &&
    allows<string>(scope.orders, cell.order) &&
    allows(scope.records, cell.records)
  );
}

function allows<T>(list: readonly T[] | undefined, value: T): boolean {
  return list === undefined || list.includes(value);
}
