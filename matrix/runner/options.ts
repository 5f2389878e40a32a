/** What a run can be asked to do, and how that becomes a plan. */

import { engineById, STORE_ENGINES } from "../engines/registry.js";
import type { CellGroup, PlanSection } from "../plan/cells.js";
import { PRESET_NAMES, type PresetName, preset } from "../plan/presets.js";
import type { OrderName, RunSettings, ShapeName, WorkloadName } from "../results/document.js";
import type { MatrixProgress } from "./progress.js";
import type { SavedPlan } from "./state.js";

/** Options of `runMatrix`. Lists replace the preset's own. */
export interface MatrixOptions {
  /** Folder of the run: document, state, streams and, while it runs, the stores. */
  readonly out: string;
  /** "quick" by default. */
  readonly preset?: PresetName;
  readonly workloads?: readonly WorkloadName[];
  readonly commitEvery?: readonly number[];
  readonly engines?: readonly string[];
  /** Records in (or loaded into) the store. */
  readonly records?: readonly number[];
  readonly shapes?: readonly ShapeName[];
  readonly orders?: readonly OrderName[];
  readonly rounds?: number;
  /** Milliseconds after which no further round is started; null for no such bound. */
  readonly budgetMs?: number | null;
  /** Milliseconds that one child process may take. */
  readonly timeLimitMs?: number;
  readonly seed?: number;
  /** The engine that ratios are taken to; the preset's own where it is among the engines, else the first. */
  readonly baseline?: string;
  /** Keep every sample in the document. */
  readonly samples?: boolean;
  /** Run the second, profiled pass; true by default. */
  readonly profiledPass?: boolean;
  /** Write CPU profiles of the timed passes into `out`/cpu-profiles, a file a pass. They cost throughput. */
  readonly cpuProfiles?: boolean;
  readonly label?: string;
  /**
   * Go on with the run that `out` holds, by the settings that it was begun with: of other options only budget, signal,
   * progress and the children's entry are allowed beside it.
   */
  readonly resume?: boolean;
  /** Aborting stops the run, keeps what is done and writes the document. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MatrixProgress) => void;
  /** The compiled entry of the child processes, for running from sources. */
  readonly childEntry?: string;
}

export const DEFAULT_SEED = 1;
/** The longest that a timer takes: 24 days. One that is asked for more ends at once. */
const TIME_LIMIT_MS_MAX = 2 ** 31 - 1;

/** Options that a run keeps from its beginning, by the names of their flags. */
const KEPT: readonly (readonly [option: keyof MatrixOptions, flag: string])[] = [
  ["preset", "preset"],
  ["workloads", "workloads"],
  ["commitEvery", "commit-every"],
  ["engines", "engines"],
  ["records", "docs"],
  ["shapes", "shapes"],
  ["orders", "orders"],
  ["rounds", "rounds"],
  ["timeLimitMs", "time-limit"],
  ["seed", "seed"],
  ["baseline", "baseline"],
  ["samples", "samples"],
  ["profiledPass", "profile"],
  ["cpuProfiles", "cpu-prof"],
  ["label", "label"],
];

/** Throws RangeError where a run is to be resumed by other settings than its own: they would have no effect. */
export function refuseNewSettings(options: MatrixOptions): void {
  const given = KEPT.flatMap(([option, flag]) => (options[option] === undefined ? [] : [`--${flag}`]));
  if (given.length === 0) return;
  throw new RangeError(
    `a run is resumed by the settings that it was begun with: leave out ${given.join(", ")}`,
  );
}

/** The part of a plan that options decide. Throws RangeError for a name or number that makes no sense. */
export function planOf(
  options: MatrixOptions,
): Pick<
  SavedPlan,
  "preset" | "seed" | "command" | "label" | "sections" | "effort" | "settings" | "keepSamples" | "cpuProfiles"
> {
  const name = options.preset ?? "quick";
  if (!PRESET_NAMES.includes(name)) {
    throw new RangeError(`no preset is called ${String(name)}; there are ${PRESET_NAMES.join(", ")}`);
  }
  const chosen = preset(
    name,
    STORE_ENGINES.map(({ id }) => id),
  );
  for (const [flag, list] of listsOf(options)) {
    if (list?.length === 0) throw new RangeError(`--${flag} names nothing`);
  }
  for (const engine of options.engines ?? []) engineById(engine);
  const sections = chosen.sections.map((section) => override(section, options));
  const engines = unique(sections, ({ engines }) => engines);
  const baseline =
    options.baseline ?? (engines.includes(chosen.baseline) ? chosen.baseline : (engines[0] as string));
  engineById(baseline);
  if (!engines.includes(baseline)) {
    throw new RangeError(`--baseline ${baseline}: it is none of the engines ${engines.join(", ")}`);
  }
  const rounds = options.rounds ?? chosen.rounds;
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`rounds must be at least 1, not ${rounds}`);
  const seed = options.seed ?? DEFAULT_SEED;
  if (!Number.isSafeInteger(seed)) throw new RangeError(`the seed must be a whole number, not ${seed}`);
  const timeLimitMs = options.timeLimitMs ?? chosen.timeLimitMs;
  if (!(timeLimitMs >= 1 && timeLimitMs <= TIME_LIMIT_MS_MAX)) {
    throw new RangeError(`the time limit must be of 1 ms to ${TIME_LIMIT_MS_MAX} ms, not ${timeLimitMs}`);
  }
  const settings: RunSettings = {
    rounds,
    timeLimitMs,
    budgetMs: options.budgetMs === undefined ? chosen.budgetMs : options.budgetMs,
    workloads: unique(sections, ({ workloads }) => workloads),
    commitEvery: unique(sections, ({ commitEvery }) => commitEvery),
    engines,
    records: unique(sections, ({ records }) => records),
    shapes: unique(sections, ({ shapes }) => shapes),
    orders: unique(sections, ({ orders }) => orders),
    baseline,
    profiledPass: options.profiledPass ?? true,
  };
  return {
    preset: name,
    seed,
    command: commandOf(name, options),
    label: options.label ?? null,
    sections,
    effort: chosen.effort,
    settings,
    keepSamples: options.samples ?? false,
    cpuProfiles: options.cpuProfiles ?? false,
  };
}

function override(section: PlanSection, options: MatrixOptions): PlanSection {
  return {
    workloads: options.workloads ?? section.workloads,
    commitEvery: options.commitEvery ?? section.commitEvery,
    engines: options.engines ?? section.engines,
    records: options.records ?? section.records,
    shapes: options.shapes ?? section.shapes,
    orders: options.orders ?? section.orders,
  };
}

function unique<T>(sections: readonly PlanSection[], pick: (section: PlanSection) => readonly T[]): T[] {
  return [...new Set(sections.flatMap((section) => [...pick(section)]))];
}

/** The options that are lists, by the names of their flags. */
function listsOf(options: MatrixOptions): [flag: string, list: readonly (string | number)[] | undefined][] {
  return [
    ["workloads", options.workloads],
    ["commit-every", options.commitEvery],
    ["engines", options.engines],
    ["docs", options.records],
    ["shapes", options.shapes],
    ["orders", options.orders],
  ];
}

function commandOf(name: PresetName, options: MatrixOptions): string {
  const given = listsOf(options).flatMap(([flag, list]) =>
    list === undefined ? [] : [`--${flag} ${list.join(",")}`],
  );
  if (options.rounds !== undefined) given.push(`--rounds ${options.rounds}`);
  if (options.seed !== undefined) given.push(`--seed ${options.seed}`);
  if (options.baseline !== undefined) given.push(`--baseline ${options.baseline}`);
  if (options.timeLimitMs !== undefined) given.push(`--time-limit ${options.timeLimitMs}ms`);
  if (options.samples === true) given.push("--samples");
  if (options.profiledPass === false) given.push("--no-profile");
  if (options.cpuProfiles === true) given.push("--cpu-prof");
  return ["espalier matrix run", `--preset ${name}`, ...given].join(" ");
}

/** What a cell's figures depend on beside the cell. */
export interface RunTerms {
  readonly preset: string;
  readonly rounds: number;
  readonly seed: number;
}

/** The command that measures one cell, on the terms of the run that it is from. */
export function reproduceCommand(terms: RunTerms, group: CellGroup, engine: string): string {
  const commits = group.commitEvery === null ? [] : [`--commit-every ${group.commitEvery}`];
  return [
    `espalier matrix run --preset ${terms.preset}`,
    `--workloads ${group.workload}`,
    ...commits,
    `--engines ${engine}`,
    `--docs ${group.records}`,
    `--shapes ${group.shape}`,
    `--orders ${group.order}`,
    `--rounds ${terms.rounds}`,
    `--seed ${terms.seed}`,
  ].join(" ");
}
