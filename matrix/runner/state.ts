/**
 * The state folder of a run: its plan and every round that has ended, a file each, so that a run can be
 * stopped at any moment and go on later. Files are replaced whole, never edited.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { acquireLock, type Lock } from "../../src/vfs/lock.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { Effort, PlanSection } from "../plan/cells.js";
import type { RoundRecord } from "../results/assemble.js";
import type { DriftPoint, Environment, RunSettings } from "../results/document.js";
import type { RoundOutcome } from "./child.js";
import type { LimitSample } from "./limits.js";
import { isStateOf, type StateKind } from "./state-check.js";

/** What a run was asked to do, kept from its first start. */
export interface SavedPlan {
  readonly version: 1;
  readonly id: string;
  readonly preset: string;
  readonly seed: number;
  readonly startedAt: string;
  readonly command: string;
  readonly label: string | null;
  readonly sections: readonly PlanSection[];
  readonly effort: Effort;
  readonly settings: RunSettings;
  readonly keepSamples: boolean;
  readonly cpuProfiles: boolean;
  readonly environment: Environment;
}

/** What is measured beside the cells. */
export interface SideFigures {
  readonly drift: DriftPoint[];
  readonly limits: LimitSample[];
  /** Milliseconds spent in earlier starts of the same run. */
  readonly spentMs: number;
}

const PLAN_FILE = "plan.json";
const SIDE_FILE = "side.json";

export class RunState {
  readonly #folder: string;
  /** Rounds that have ended, by the cell's file name; listed once, since a full run has thousands. */
  #rounds: Map<string, Set<number>> | null = null;

  constructor(outFolder: string) {
    this.#folder = join(outFolder, "state");
  }

  /** Whether there is a run to resume. */
  exists(): boolean {
    return existsSync(join(this.#folder, PLAN_FILE));
  }

  /** Holds the run for this process. Throws LockedError, which names the process that has it. */
  lock(): Lock {
    mkdirSync(this.#folder, { recursive: true });
    return acquireLock(nodeVfs, join(this.#folder, PLAN_FILE));
  }

  readPlan(): SavedPlan {
    return this.#read(PLAN_FILE, "plan") as SavedPlan;
  }

  savePlan(plan: SavedPlan): void {
    this.#write(PLAN_FILE, plan);
  }

  readSide(): SideFigures {
    const exists = existsSync(join(this.#folder, SIDE_FILE));
    return exists ? (this.#read(SIDE_FILE, "side") as SideFigures) : { drift: [], limits: [], spentMs: 0 };
  }

  saveSide(side: SideFigures): void {
    this.#write(SIDE_FILE, side);
  }

  /** The rounds of a cell that have ended, in order. */
  rounds(cell: string): RoundRecord[] {
    const rounds = this.#listRounds().get(fileName(cell)) ?? [];
    return [...rounds]
      .sort((a, b) => a - b)
      .map((round) => join("rounds", `${RunState.roundKey(cell, round)}.json`))
      .map((path) => this.#read(path, "round") as RoundRecord);
  }

  #listRounds(): Map<string, Set<number>> {
    if (this.#rounds === null) {
      this.#rounds = new Map();
      for (const name of this.#list("rounds")) {
        const match = /^(.*)\.r(\d+)\.json$/.exec(name);
        if (match !== null) addTo(this.#rounds, match[1] as string, Number(match[2]));
      }
    }
    return this.#rounds;
  }

  /** Cell and round of everything that has ended, without reading it. */
  finished(): Set<string> {
    return new Set([
      ...this.#list("rounds").map((name) => name.replace(/\.json$/, "")),
      ...this.#list("profiles").map((name) => name.replace(/\.json$/, ".profile")),
    ]);
  }

  /** The name under which `finished` tells a round. */
  static roundKey(cell: string, round: number): string {
    return `${fileName(cell)}.r${round}`;
  }

  /** Where the CPU profiles of a cell's round go; the names end in a number for the pass and an extension. */
  static cpuProfilePrefix(outFolder: string, cell: string, round: number): string {
    return join(outFolder, "cpu-profiles", RunState.roundKey(cell, round));
  }

  static profileKey(cell: string): string {
    return `${fileName(cell)}.profile`;
  }

  saveRound(cell: string, record: RoundRecord): void {
    this.#write(join("rounds", `${RunState.roundKey(cell, record.round)}.json`), record);
    addTo(this.#listRounds(), fileName(cell), record.round);
  }

  profile(cell: string): RoundOutcome | null {
    const path = join("profiles", `${fileName(cell)}.json`);
    return existsSync(join(this.#folder, path)) ? (this.#read(path, "profile") as RoundOutcome) : null;
  }

  saveProfile(cell: string, outcome: RoundOutcome): void {
    this.#write(join("profiles", `${fileName(cell)}.json`), outcome);
  }

  #list(folder: string): string[] {
    const path = join(this.#folder, folder);
    return existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(".json")) : [];
  }

  /** Throws Error for a file that is not whole: these are not synced, and the machine may have died. */
  #read(path: string, kind: StateKind): unknown {
    const whole = join(this.#folder, path);
    const value = parsed(readFileSync(whole, "utf8"));
    if (kind === "plan" && isOfOtherVersion(value))
      throw new Error(`${this.#folder} holds a run of another version of the matrix`);
    if (isStateOf(kind, value)) return value;
    const removable = kind !== "plan";
    throw new Error(
      `${whole} is damaged: ${removable ? "remove it, and what it held is measured again" : "start another run"}`,
    );
  }

  #write(path: string, value: unknown): void {
    const whole = join(this.#folder, path);
    mkdirSync(join(whole, ".."), { recursive: true });
    writeFileSync(`${whole}.part`, JSON.stringify(value));
    renameSync(`${whole}.part`, whole);
  }
}

/** Undefined: no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isOfOtherVersion(plan: unknown): boolean {
  return typeof plan === "object" && plan !== null && "version" in plan && plan.version !== 1;
}

function fileName(cell: string): string {
  return cell.replaceAll("/", "~");
}

function addTo(map: Map<string, Set<number>>, name: string, round: number): void {
  const rounds = map.get(name);
  if (rounds === undefined) map.set(name, new Set([round]));
  else rounds.add(round);
}
