/**
 * Runs cells: every entry in a process of its own, made ready two at a time, then measured strictly one at a
 * time, round by round, in an order that changes with the round.
 */

import type { Presence } from "../engines/engine.js";
import { ENGINES, engineById } from "../engines/registry.js";
import type { Environment } from "../results/document.js";
import { captureEnvironment } from "../runner/environment.js";
import { javascriptLoopMs } from "../runner/limits.js";
import { seededRandom, shuffle } from "../stats/random.js";
import { BENCH_FLAGS, BenchChild } from "./child.js";
import { type EntryResult, judge, judgeCurve, summariseRounds, type Verdict } from "./judge.js";
import { bedName, type Cell, type Entry, type Figures, type Section, type Sizes } from "./plan.js";

export interface BenchOptions {
  readonly sections: readonly Section[];
  readonly sizes: Sizes;
  /** Rounds of a cell; fewer where `minutes` would not suffice. */
  readonly rounds: number;
  /** How long the run may take, about; every cell has one round at least. Undefined: as long as it takes. */
  readonly minutes: number | undefined;
  /** Only these engines; all where undefined. */
  readonly engines: readonly string[] | undefined;
  /** Whether a cell is to be run. */
  readonly wanted: (section: Section, cell: Cell) => boolean;
  /** An empty folder on the disk that is to be measured. */
  readonly folder: string;
  /** The compiled entry of the children; the one beside this module unless told otherwise. */
  readonly childEntry: string | undefined;
  readonly progress: (line: string) => void;
  /** Called with every cell as soon as it is measured. */
  readonly onCell: (section: Section, result: CellResult) => void;
  /** Called when a section has ended. */
  readonly onSection: (result: SectionResult) => void;
}

export interface CellResult {
  readonly cell: Cell;
  readonly entries: readonly EntryResult[];
  readonly verdicts: readonly Verdict[];
}

export interface SectionResult {
  readonly id: string;
  readonly title: string;
  readonly target: string;
  readonly cells: readonly CellResult[];
  /** Of the section's curves. */
  readonly verdicts: readonly Verdict[];
}

/** All of a run, as it is written to JSON. */
export interface BenchResult {
  readonly version: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly environment: Environment;
  /** The same JavaScript loop before every cell, in ms: how far the machine itself has drifted. */
  readonly driftMs: readonly number[];
  readonly sections: readonly SectionResult[];
}

/** Entries that are made ready together. */
const MAKERS = 2;
/** Most cells take less than their share of the time; what they leave is for the others. */
const SHARE_STRETCH = 2;

export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const started = Date.now();
  const presence = await probeAll();
  const run = new Run(options, presence);
  const environment = captureEnvironment(options.folder, versions(presence), BENCH_FLAGS);
  const sections: SectionResult[] = [];
  const chosen = options.sections.map((section) => ({
    section,
    cells: section.cells(options.sizes).filter((cell) => options.wanted(section, cell)),
  }));
  run.cellsLeft = chosen.reduce((count, { cells }) => count + cells.length, 0);
  for (const { section, cells } of chosen) {
    if (cells.length === 0) continue;
    const result = await run.section(section, cells);
    options.onSection(result);
    sections.push(result);
  }
  return {
    version: 1,
    startedAt: new Date(started).toISOString(),
    seconds: (Date.now() - started) / 1000,
    rounds: options.rounds,
    environment,
    driftMs: run.driftMs,
    sections,
  };
}

async function probeAll(): Promise<Map<string, Presence>> {
  const presence = new Map<string, Presence>();
  for (const engine of ENGINES) presence.set(engine.id, await engine.probe());
  return presence;
}

function versions(presence: ReadonlyMap<string, Presence>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [id, { version }] of presence) {
    const name = engineById(id).package;
    if (name !== null && version !== null) found[name] = version;
  }
  return found;
}

/** What a cell's entry is doing. */
interface Running {
  readonly entry: Entry;
  child: BenchChild | null;
  reason: string | null;
  readonly rounds: Figures[];
  hash: string | null;
}

class Run {
  readonly driftMs: number[] = [];
  /** Cells that have not begun, among which the time that is left is shared out. */
  cellsLeft = 0;
  readonly #deadline: number;
  readonly #options: BenchOptions;
  readonly #presence: ReadonlyMap<string, Presence>;
  /** Children that are ready for another cell, by entry and bed. */
  readonly #idle: Map<string, BenchChild> = new Map();

  constructor(options: BenchOptions, presence: ReadonlyMap<string, Presence>) {
    this.#options = options;
    this.#presence = presence;
    this.#deadline = performance.now() + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  }

  /** Children live for one section: what they have run shapes what the compiler made of the code. */
  async section(section: Section, cells: readonly Cell[]): Promise<SectionResult> {
    const { id, title, target } = section;
    const results: CellResult[] = [];
    try {
      for (const cell of cells) {
        this.#options.progress(cell.title);
        const result = await this.#cell(cell);
        this.#options.onCell(section, result);
        results.push(result);
      }
    } finally {
      for (const child of this.#idle.values()) child.kill();
      this.#idle.clear();
    }
    const curves = (section.curves ?? []).filter(
      (curve) => cells.filter((cell) => cell.id.startsWith(`${curve.cells}/`)).length > 1,
    );
    const verdicts = curves.map((curve) => judgeCurve(curve, results));
    return { id, title, target, cells: results, verdicts };
  }

  async #cell(cell: Cell): Promise<CellResult> {
    this.driftMs.push(javascriptLoopMs());
    const share = (this.#deadline - performance.now()) / Math.max(1, this.cellsLeft--);
    const until = performance.now() + share * SHARE_STRETCH;
    const { engines, rounds } = this.#options;
    const chosen = cell.entries.filter(({ engine }) => engines === undefined || engines.includes(engine));
    const present = chosen.filter(({ engine }) => this.#presence.get(engine)?.present !== false);
    const running = present.map(
      (entry): Running => ({ entry, child: null, reason: null, rounds: [], hash: null }),
    );
    const count = Math.max(1, Math.round(rounds * (cell.roundsFactor ?? 1)));
    if (cell.freshProcess === true) await this.#freshRounds(cell, running, count, until);
    else await this.#rounds(cell, running, count, until);
    const entries = chosen.map((entry) => this.#result(cell, entry, running));
    agreeOnContent(entries);
    return { cell, entries, verdicts: judge(cell, entries) };
  }

  async #rounds(cell: Cell, running: readonly Running[], count: number, until: number): Promise<void> {
    await inTurns(byEngine(running), async (item) => this.#make(cell, item, true));
    const started = performance.now();
    for (let round = 0; round < count && fits(started, round, until); round++) {
      for (const item of this.#order(cell, running, round)) await this.#round(item, round);
    }
    await inTurns(byEngine(running), async (item) => this.#finish(cell, item));
  }

  /** Every round in a process that has run nothing before. */
  async #freshRounds(cell: Cell, running: readonly Running[], count: number, until: number): Promise<void> {
    const started = performance.now();
    for (let round = 0; round < count && fits(started, round, until); round++) {
      for (const item of this.#order(cell, running, round)) {
        await this.#make(cell, item, false);
        await this.#round(item, round);
        await this.#finish(cell, item);
        for (const child of this.#idle.values()) child.kill();
        this.#idle.clear();
      }
    }
  }

  #order(cell: Cell, running: readonly Running[], round: number): Running[] {
    return shuffle([...running], seededRandom(cell.bed.seed, `${cell.id} ${round}`));
  }

  async #make(cell: Cell, item: Running, warm: boolean): Promise<void> {
    if (item.reason !== null) return;
    const key = childKey(cell, item.entry);
    item.child = this.#idle.get(key) ?? new BenchChild(this.#options.childEntry);
    this.#idle.delete(key);
    const { engine, mode } = item.entry;
    const { bed: spec, task, options } = cell;
    const { folder } = this.#options;
    await guarded(item, (child) =>
      child.ask({ kind: "make", engine, spec, folder, task, mode, options, warm }),
    );
  }

  async #round(item: Running, round: number): Promise<void> {
    await guarded(item, async (child) => {
      const answer = await child.ask({ kind: "round", round });
      if (answer.status === "measured") item.rounds.push(answer.figures);
    });
  }

  async #finish(cell: Cell, item: Running): Promise<void> {
    await guarded(item, async (child) => {
      const answer = await child.ask({ kind: "finish" });
      if (answer.status === "finished") item.hash = answer.hash;
      this.#idle.set(childKey(cell, item.entry), child);
    });
  }

  #result(cell: Cell, entry: Entry, running: readonly Running[]): EntryResult {
    const { id, title } = entry;
    const item = running.find((candidate) => candidate.entry === entry);
    const common = { id, title, settings: engineById(entry.engine).settings };
    if (item === undefined) {
      const { reason, install } = this.#presence.get(entry.engine) as Presence;
      const told = install === null ? reason : `${reason}; to install: ${install}`;
      return { ...common, status: "missing", reason: told, rounds: [], figures: {}, contentHash: null };
    }
    const { reason, rounds, hash } = item;
    if (reason !== null) {
      return { ...common, status: "failed", reason, rounds: [], figures: {}, contentHash: null };
    }
    return {
      ...common,
      status: "ok",
      reason: null,
      rounds: rounds.map(({ values }) => values),
      figures: summariseRounds(cell, rounds),
      contentHash: hash,
    };
  }
}

/** Whether another round as long as those before ends in time. The first one always may. */
function fits(started: number, rounds: number, until: number): boolean {
  if (rounds === 0) return true;
  const now = performance.now();
  return now + (now - started) / rounds <= until;
}

function childKey(cell: Cell, { engine, mode }: Entry): string {
  return `${engine} ${mode} ${bedName(cell.bed)}`;
}

/** A failure ends the entry, not the run. */
async function guarded(item: Running, work: (child: BenchChild) => Promise<unknown>): Promise<void> {
  if (item.child === null || item.reason !== null) return;
  try {
    await work(item.child);
  } catch (error) {
    item.reason = error instanceof Error ? error.message : String(error);
    item.child.kill();
  }
}

function byEngine(running: readonly Running[]): Running[][] {
  const groups = new Map<string, Running[]>();
  for (const item of running) {
    const group = groups.get(item.entry.engine);
    if (group === undefined) groups.set(item.entry.engine, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Two groups at a time; entries of one engine load the same store, and so go one after the other. */
async function inTurns(groups: Running[][], work: (item: Running) => Promise<void>): Promise<void> {
  const left = [...groups];
  const worker = async (): Promise<void> => {
    for (let group = left.shift(); group !== undefined; group = left.shift()) {
      for (const item of group) await work(item);
    }
  };
  await Promise.all(Array.from({ length: MAKERS }, worker));
}

/** All who did the same work must hold the same records. Throws where two differ. */
function agreeOnContent(entries: readonly EntryResult[]): void {
  const hashes = new Set(entries.flatMap(({ contentHash }) => contentHash ?? []));
  if (hashes.size > 1) {
    const told = entries.map(({ id, contentHash }) => `${id} ${contentHash}`).join(", ");
    throw new Error(`engines that did the same work hold different records: ${told}`);
  }
}
