/** Run documents are checked on the way in and out, and other versions are refused by name. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DURABILITY_CLASSES,
  GUARDRAILS,
  LEGACY_PATHS,
  ORDERS,
  RUN_VERSION,
  SHAPES,
  WORKLOADS,
} from "../../../matrix/results/document.js";
import { readRun, runDocumentProblems, writeRun } from "../../../matrix/results/validate.js";
import { cell, run, unmeasured } from "../support/documents.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-validate-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const good = run([cell("espalier", [1, 2, 3]), unmeasured("lmdb", "missing", "not installed")]);

describe("a run document", () => {
  it("comes back as it was written, from its file and from its folder", async () => {
    await writeRun(join(folder, "run.json"), good);
    expect(await readRun(join(folder, "run.json"))).toEqual(good);
    expect(await readRun(folder)).toEqual(good);
  });

  it("is refused with the place of what is wrong", () => {
    const wrong = structuredClone(good) as unknown as {
      cells: { opsPerSecond: unknown; surprise?: number }[];
    };
    (wrong.cells[0] as { opsPerSecond: unknown }).opsPerSecond = "fast";
    expect(runDocumentProblems(wrong).join("\n")).toMatch(/\/cells\/0\/opsPerSecond/);
    const more = structuredClone(good) as unknown as { cells: { surprise?: number }[] };
    (more.cells[1] as { surprise?: number }).surprise = 1;
    expect(runDocumentProblems(more).join("\n")).toMatch(/\/cells\/1 .*additional/);
  });

  it("is refused where its figures contradict each other, as edited ones do", () => {
    type Cell = (typeof good.cells)[number];
    const problemOf = (change: (cell: Cell) => Partial<Cell>): string =>
      runDocumentProblems({
        ...good,
        cells: good.cells.map((each, i) => (i === 0 ? { ...each, ...change(each) } : each)),
      }).join("\n");
    const estimate = (change: object) => (each: Cell) => ({
      opsPerSecond: { ...(each.opsPerSecond as NonNullable<Cell["opsPerSecond"]>), ...change },
    });
    const rate = (opsPerSecond: number | null) => (each: Cell) => ({
      rounds: each.rounds.map((round, i) => (i === 2 ? { ...round, opsPerSecond } : round)),
    });
    expect(problemOf(() => ({}))).toBe("");
    expect(problemOf(estimate({ median: 20 }))).toMatch(/^\/cells\/0 .*median of 2 ops\/s, and says 20$/);
    expect(problemOf(estimate({ n: 5 }))).toMatch(/has 3 rounds, and says 5/);
    expect(problemOf(rate(null))).toMatch(/has 2 rounds, and says 3/);
    expect(problemOf(rate(0))).toMatch(/no rounds with a rate above 0/);
    expect(problemOf(() => ({ rounds: [] }))).toMatch(/no rounds with a rate above 0/);
    expect(problemOf(() => ({ engine: "rebuild" }))).toMatch(/is not the cell of rebuild/);
    expect(runDocumentProblems({ ...good, cells: [...good.cells, ...good.cells] })).toHaveLength(2);
  });

  it("is not written when it is wrong", async () => {
    const wrong = structuredClone(good);
    wrong.run.id = 7 as unknown as string;
    await expect(writeRun(join(folder, "run.json"), wrong)).rejects.toThrow(/\/run\/id/);
    await expect(readRun(folder)).rejects.toThrow(/ENOENT/);
  });

  it("of another version or kind is refused by name", () => {
    expect(runDocumentProblems({ ...good, version: 2 })).toEqual([
      `version 2 is not readable here: this is version ${RUN_VERSION}`,
    ]);
    expect(runDocumentProblems({ ...good, schema: "other" })).toEqual([
      'schema is "other", not "espalier-matrix-run"',
    ]);
    expect(runDocumentProblems(null)).toEqual(["not a JSON object"]);
  });

  it("that is cut off is refused with its path", async () => {
    const path = join(folder, "run.json");
    writeFileSync(path, JSON.stringify(good).slice(0, 100));
    await expect(readRun(path)).rejects.toThrow(/run\.json: not JSON/);
  });
});

describe("the published schema", () => {
  const schema = JSON.parse(
    readFileSync(new URL("../../../docs/matrix-run.schema.json", import.meta.url), "utf8"),
  ) as {
    properties: { version: { const: number } };
    $defs: Record<string, { enum?: string[]; properties?: Record<string, unknown>; required?: string[] }>;
  };

  it("names the same words and version as the code", () => {
    expect(schema.properties.version.const).toBe(RUN_VERSION);
    expect(schema.$defs.workload?.enum).toEqual([...WORKLOADS]);
    expect(schema.$defs.order?.enum).toEqual([...ORDERS]);
    expect(schema.$defs.shape?.enum).toEqual([...SHAPES]);
    expect(schema.$defs.durabilityClass?.enum).toEqual([...DURABILITY_CLASSES]);
    expect(schema.$defs.guardrail?.enum).toEqual([...GUARDRAILS]);
    expect(schema.$defs.legacyPath?.enum).toEqual([...LEGACY_PATHS]);
  });

  it("requires every field of a cell that the code writes", () => {
    expect(Object.keys(cell("espalier", [1])).sort()).toEqual(
      // passes came later: documents without it are still read.
      [...(schema.$defs.cell?.required ?? []), "passes"].sort(),
    );
  });
});
