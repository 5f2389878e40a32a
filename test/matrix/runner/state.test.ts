/** The files of a run's state: what one holds that somebody edited, or that another version wrote, is no defect. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planOf } from "../../../matrix/runner/options.js";
import type { RoundResult } from "../../../matrix/runner/round.js";
import { RunState, type SavedPlan, type SideFigures } from "../../../matrix/runner/state.js";
import { run } from "../support/documents.js";

const CELL = "inserts/u64/300/random/ce100/espalier";
const PLAN: SavedPlan = {
  version: 1,
  id: "20260101T000000Z",
  startedAt: "2026-01-01T00:00:00.000Z",
  ...planOf({ out: "run", preset: "smoke", engines: ["espalier"] }),
  environment: run([]).environment,
};
const SIDE: SideFigures = {
  drift: [{ at: "2026-01-01T00:00:00.000Z", afterRound: 0, javascriptMs: 40, syncUs: null }],
  limits: [{ id: "overwrite-sync", value: null, samplesUs: [1, 2] }],
  spentMs: 1000,
};
const RESULT: RoundResult = {
  operations: 300,
  passes: 1,
  opsPerIteration: 86.1,
  seconds: 0.5,
  coldOpsPerSecond: 200,
  samplesUs: [10, 20],
  passedToWrite: null,
  reachedStorage: null,
  logicalBytes: 4800,
  cpuUs: null,
  peakBytes: null,
  baseBytes: 60e6,
  fileBytes: null,
  contentBytes: 4800,
  counters: { before: { log: { bytes: 0, commits: [0, 1] } }, after: { log: { bytes: 7, commits: [0, 2] } } },
  census: null,
  contentHash: "00",
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-state-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A state with a file of each kind, from another start of the run. */
function stateThatWasLeft(): RunState {
  const state = new RunState(folder);
  state.savePlan(PLAN);
  state.saveSide(SIDE);
  state.saveRound(CELL, { round: 1, startedAt: PLAN.startedAt, outcome: { status: "ok", result: RESULT } });
  state.saveRound(CELL, {
    round: 2,
    startedAt: PLAN.startedAt,
    outcome: { status: "failed", reason: "it crashed" },
  });
  state.saveProfile(CELL, { status: "ok", result: RESULT });
  return new RunState(folder);
}

/** A value with each part of it, down to `depth`, left out once or made another's. */
function* deformed(value: unknown, depth: number): Iterable<unknown> {
  yield* [null, [], "x", 1.5].filter((other) => typeof other !== typeof value || other === null);
  if (typeof value !== "object" || value === null || depth === 0) return;
  if (Array.isArray(value)) {
    const [first, ...rest] = value as unknown[];
    for (const part of first === undefined ? [] : deformed(first, depth - 1)) yield [part, ...rest];
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    const { [name]: _, ...others } = value as Record<string, unknown>;
    yield others;
    for (const other of deformed(part, depth - 1)) yield { ...others, [name]: other };
  }
}

test("what was saved is read again", () => {
  const state = stateThatWasLeft();
  expect(state.readPlan()).toEqual(PLAN);
  expect(state.readSide()).toEqual(SIDE);
  expect(state.rounds(CELL).map(({ outcome }) => outcome.status)).toEqual(["ok", "failed"]);
  expect(state.profile(CELL)).toEqual({ status: "ok", result: RESULT });
});

const AGAIN = "remove it, and what it held is measured again";

test.each<[string, string, number, (state: RunState) => unknown]>([
  ["plan.json", "start another run", 2, (state) => state.readPlan()],
  ["side.json", AGAIN, 2, (state) => state.readSide()],
  ["rounds", AGAIN, 3, (state) => state.rounds(CELL)],
  ["profiles", AGAIN, 2, (state) => state.profile(CELL)],
])("%s that holds JSON of another shape is read, or named: %s", (name, help, depth, read) => {
  const state = stateThatWasLeft();
  const place = join(folder, "state", name);
  const path = name.endsWith(".json") ? place : join(place, readdirSync(place).sort()[0] as string);
  const held = JSON.parse(readFileSync(path, "utf8")) as object;
  let refused = 0;
  for (const value of [{}, ...deformed(held, depth)]) {
    writeFileSync(path, JSON.stringify(value));
    try {
      read(state);
    } catch (error) {
      const told = (error as Error).message;
      const otherVersion = `${join(folder, "state")} holds a run of another version of the matrix`;
      expect([`${path} is damaged: ${help}`, otherVersion], JSON.stringify(value)).toContain(told);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(10);
});

test("a plan whose sections name an engine that its settings lack is named", () => {
  const state = stateThatWasLeft();
  state.savePlan({ ...PLAN, settings: { ...PLAN.settings, engines: ["lmdb"] } });
  expect(() => state.readPlan()).toThrow("plan.json is damaged: start another run");
});
