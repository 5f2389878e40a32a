/**
 * Tasks do the work of cells inside a child process: made ready once, then run round by round, then proved.
 */

import { timePass } from "../../runner/timing.js";
import type { Pass } from "../../workloads/workload.js";
import type { Bed } from "../bed.js";
import type { Figures, TaskOptions } from "../plan.js";

export interface TaskContext {
  readonly bed: Bed;
  readonly mode: string;
  readonly options: TaskOptions;
  /** Whether the code is to be warm before the first round. */
  readonly warm: boolean;
}

/** A cell's work on one engine. */
export interface Runner {
  /** Measures round `round`, 0 and up: the same operations for every engine. */
  round(round: number): Promise<Figures>;
  /**
   * Ends the work and proves what it left. Returns the hash of the content, null where a round has proved
   * itself. Throws where something is wrong.
   */
  finish(): Promise<string | null>;
}

export type Task = (context: TaskContext) => Promise<Runner>;

/** Reads a number out of a cell's options. Throws where there is none. */
export function numberOption(options: TaskOptions, name: string): number {
  const value = options[name];
  if (typeof value !== "number") throw new Error(`the cell says no ${name}`);
  return value;
}

/** Operations until the compiler has the code at its final tier, or so long where commits are slow. */
const WARM_OPERATIONS = 300_000;
const WARM_MS = 2500;

/** Repeats `turn`, which returns how many operations it did, until the code is warm. */
export async function warmBy(turn: (number: number) => Promise<number>): Promise<void> {
  const startedMs = performance.now();
  let operations = 0;
  for (let number = 0; operations < WARM_OPERATIONS && performance.now() - startedMs < WARM_MS; number++) {
    operations += await turn(number);
  }
}

/** Milliseconds of each of `iterations` calls; promises are awaited inside the time. */
export async function timeEach(
  iterations: number,
  run: () => void | Promise<void>,
  awaited: boolean,
): Promise<number[]> {
  const pass: Pass = { iterations, opsPerIteration: 1, operations: iterations, run, problem: () => null };
  return timePass(pass, awaited);
}

export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
