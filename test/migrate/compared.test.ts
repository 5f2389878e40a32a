/** A conversion ends only where what arrived is what set out: plans that say otherwise, by hand. */

import { describe, expect, test } from "vitest";
import type { PlannedProgram } from "../../migrate/in-place/prepare.js";
import { assertBudget, begin, finishBegun, planInPlace } from "../../migrate/in-place-steps.js";
import { openLegacy } from "../../migrate/legacy/legacy-file.js";
import { legacyRecordOf, storeTreeName } from "../../migrate/legacy-record.js";
import { newResult, RefusedError } from "../../migrate/results.js";
import { verifyStoreFile } from "../../migrate/rewrite-verify.js";
import { planBack, settleStore } from "../../migrate/rollback-steps.js";
import { writeStoreFile } from "../../migrate/store-file.js";
import { CorruptionError } from "../../src/base/errors.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { fixtureInMemory } from "./legacy/support.js";
import { convert, FILE } from "./support.js";

const OPTIONS = { verify: "full", assumeClosed: true } as const;
const OTHER_DIGEST = "0".repeat(64);

function endOf<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The plan with other numbers for its only tree. */
function changed(planned: PlannedProgram, change: { digest?: string; records?: number }): PlannedProgram {
  const trees = planned.head.trees.map((tree, index) => (index === 0 ? { ...tree, ...change } : tree));
  return { ...planned, head: { ...planned.head, trees } };
}

function carryOut(vfs: Vfs, planned: PlannedProgram): void {
  const file = vfs.open(FILE, "write");
  try {
    const program = begin(vfs, FILE, file, planned, OPTIONS);
    endOf(finishBegun(vfs, FILE, file, program, newResult(FILE)));
  } finally {
    file.close();
  }
}

describe("in place", () => {
  const planned = (vfs: Vfs): PlannedProgram => endOf(planInPlace(vfs, FILE, OPTIONS, newResult(FILE)));

  test("as planned", () => {
    const vfs = fixtureInMemory("gen2/u64-seq-1k.db");
    carryOut(vfs, planned(vfs));
    expect(endOf(settleStore(vfs, FILE, OPTIONS)).records).toBe(1000);
  });

  test.each([
    ["another digest", { digest: OTHER_DIGEST }, "the content digest differs"],
    ["other records", { records: 999 }, "1000 records arrived of 999"],
  ])("%s is damage, and the file stays fenced", (_, change, reason) => {
    const vfs = fixtureInMemory("gen2/u64-seq-1k.db");
    const plan = changed(planned(vfs), change);
    expect(() => carryOut(vfs, plan)).toThrow(CorruptionError);
    expect(() => endOf(settleStore(vfs, FILE, OPTIONS))).toThrow("migrat");
    const again = fixtureInMemory("gen2/u64-seq-1k.db");
    expect(() => carryOut(again, changed(planned(again), change))).toThrow(reason);
  });

  test("a batch that comes to another end stops before it is written", () => {
    const vfs = fixtureInMemory("gen2/u64-seq-1k.db");
    const plan = planned(vfs);
    plan.tables.batches[4]! += 1;
    expect(() => carryOut(vfs, plan)).toThrow("came to another end");
  });
});

test("more room on the way than is allowed is refused, unless it is asked for", () => {
  const vfs = fixtureInMemory("gen2/u64-seq-1k.db");
  const planned = endOf(planInPlace(vfs, FILE, OPTIONS, newResult(FILE)));
  expect(planned.extraBytes).toBeGreaterThan(0);
  assertBudget({ ...planned, budgetBytes: planned.extraBytes }, {});
  const short = { ...planned, budgetBytes: planned.extraBytes - 1 };
  expect(() => assertBudget(short, {})).toThrow(RefusedError);
  expect(() => assertBudget(short, {})).toThrow("--allow-growth");
  assertBudget(short, { allowGrowth: true });
});

describe("back", () => {
  test.each([
    ["another digest", { digest: OTHER_DIGEST }, "the content digest differs"],
    ["other records", { records: 999 }, "1000 records arrived of 999"],
  ])("%s is damage", async (_, change, reason) => {
    const vfs = fixtureInMemory("gen2/u64-seq-1k.db");
    expect((await convert(vfs, OPTIONS)).status).toBe("converted");
    endOf(settleStore(vfs, FILE, OPTIONS));
    const planned = endOf(planBack(vfs, FILE, OPTIONS, newResult(FILE)));
    expect(() => carryOut(vfs, changed(planned, change))).toThrow(reason);
  });
});

test("rewriting: another digest, or other records, are damage", () => {
  const vfs = fixtureInMemory("gen2/u64-seq-1k.db");
  const source = openLegacy(vfs, FILE);
  const survey = source.inspect();
  const trees = survey.trees.map((tree, index) => ({
    name: storeTreeName(survey, index),
    batches: source.batches(survey, tree),
  }));
  const store = { pageSize: survey.pageSize, trees, legacy: legacyRecordOf(survey) };
  const written = endOf(writeStoreFile(vfs, "/new.db", store));
  source.close();
  const compare = (change: object): string | null => {
    const changed = survey.trees.map((tree) => ({ ...tree, content: { ...tree.content!, ...change } }));
    return endOf(verifyStoreFile(vfs, "/new.db", { ...survey, trees: changed }, written, "full"));
  };
  expect(compare({})).toBe(survey.trees[0]?.content?.digest);
  expect(() => compare({ digest: OTHER_DIGEST })).toThrow("the content digest of the tree");
  expect(() => compare({ records: 999 })).toThrow("1000 records of 999");
});
