/**
 * Wrong uses of the migrator as a library, told before a file is touched: an option that is spelled wrong would
 * otherwise be taken for its absence, and a generation that is none for the newest one.
 */

import { OptionError } from "../src/base/errors.js";
import {
  assertFunction,
  assertIterable,
  assertOptions,
  assertSignal,
  flag,
  oneOf,
} from "../src/store/call-options.js";
import type { FileKind } from "./find-files.js";
import type { PlanOptions } from "./index.js";
import type { FileOptions } from "./options.js";
import type { RunOptions } from "./run-options.js";

type Check = (name: string, value: unknown) => void;

const GENERATION: Check = (name, value) => oneOf(name, value, ["gen1", "gen2", "gen3"]);

/** What a path or a word for the report has to be. */
const TEXT: Check = (name, value) => {
  if (typeof value !== "string") throw new OptionError(name, "must be a string");
};

const NUMBER: Check = (name, value) => {
  if (typeof value !== "number" || Number.isNaN(value)) throw new OptionError(name, "a number is needed");
};

const ABOVE_ZERO: Check = (name, value) => {
  NUMBER(name, value);
  if (!((value as number) > 0)) throw new OptionError(name, "must be above 0");
};

/** How they must be; what depends on the file, as its page size does, is a reason in the file's result. */
const FILE_CHECKS: Readonly<Record<keyof FileOptions, Check>> = {
  strategy: (name, value) => oneOf(name, value, ["in-place", "rewrite"]),
  pageSize: NUMBER,
  assume: GENERATION,
  root: NUMBER,
  assumeClosed: flag,
  allowGrowth: flag,
  verify: (name, value) => oneOf(name, value, ["full", "sample", "none"]),
  backup: TEXT,
  to: GENERATION,
  vfs: () => undefined,
};

const PACE_CHECKS = {
  signal: assertSignal,
  maxMbPerSec: ABOVE_ZERO,
  pauseFile: TEXT,
  maxDurationMs: NUMBER,
} as const;

const RUN_CHECKS: Readonly<Record<keyof RunOptions, Check>> = {
  ...FILE_CHECKS,
  ...PACE_CHECKS,
  jobs: NUMBER,
  onEvent: assertFunction,
  command: TEXT,
  label: TEXT,
};

const PLAN_CHECKS: Readonly<Record<keyof PlanOptions, Check>> = {
  ...FILE_CHECKS,
  ...PACE_CHECKS,
  onPlan: assertFunction,
};

/** Throws OptionError. */
export function assertPaths(paths: readonly string[]): void {
  if (!Array.isArray(paths) || paths.some((path) => typeof path !== "string"))
    throw new OptionError("paths", "must be a list of names of files");
}

/** Throws OptionError. */
export function assertKinds(kinds: readonly FileKind[]): void {
  assertIterable("kinds", kinds);
  for (const kind of kinds) oneOf("kinds", kind, ["legacy", "store", "migrating"]);
}

/** Throws OptionError. */
export function assertRunOptions(options: RunOptions): void {
  assertAll(options, RUN_CHECKS);
}

/** Throws OptionError. */
export function assertPlanOptions(options: PlanOptions): void {
  assertAll(options, PLAN_CHECKS);
}

/** Throws OptionError for what is none of `names`, too. */
export function assertFileOptions<N extends keyof FileOptions>(
  options: Pick<FileOptions, N>,
  names: readonly N[],
): void {
  assertAll(options, Object.fromEntries(names.map((name) => [name, FILE_CHECKS[name]])));
}

function assertAll(options: object, checks: Readonly<Record<string, Check>>): void {
  assertOptions(options, new Set(Object.keys(checks)));
  for (const [name, check] of Object.entries(checks)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) check(name, value);
  }
}
