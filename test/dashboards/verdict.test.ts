/** The answer on top of the page. */

import { expect, test } from "vitest";
import { dashboardData } from "../../dashboards/data/model.js";
import { verdictOf } from "../../dashboards/data/verdict.js";
import type { MigrationReport } from "../../dashboards/documents/migration-report.js";
import type { RunDocument } from "../../matrix/results/document.js";
import { migrationReport, runDocument } from "./support/documents.js";

function answer(run: RunDocument | null, migrations: MigrationReport[] = []): string {
  return verdictOf(dashboardData({ runs: run === null ? [] : [run], migrations, files: [] })).answer;
}

/** The report with the files that ended well only. */
function cleanReport(): MigrationReport {
  const report = migrationReport();
  return { ...report, files: report.files.filter(({ reason }) => reason === null) };
}

test("the run's own verdict is taken", () => {
  const run = runDocument();
  expect(answer(run)).toBe("GO");
  expect(answer({ ...run, verdict: { verdict: "NO-GO", gatesFile: "x", gates: [] } })).toBe("NO-GO");
});

test("a run that was not judged is no GO, and the page says why, and what judges it", () => {
  const cautionsOf = (run: RunDocument): readonly string[] =>
    verdictOf(dashboardData({ runs: [run], migrations: [], files: [] })).cautions;
  const run = { ...runDocument(), verdict: null };
  expect(answer(run)).toBe("NOT JUDGED");
  expect(cautionsOf(run)[0]).toMatch(/not judged: it has not ended, or no gate .*espalier matrix gate/);
  expect(cautionsOf(runDocument()).join("\n")).not.toContain("not judged");
});

test("a file that was not converted makes it a NO-GO", () => {
  expect(answer(runDocument(), [cleanReport()])).toBe("GO");
  expect(answer(runDocument(), [migrationReport()])).toBe("NO-GO");
  expect(answer(null, [cleanReport()])).toBe("GO");
});

test("a file that is still on its way is no GO", () => {
  const report = cleanReport();
  const files = report.files.map((file, i) => (i === 0 ? { ...file, status: "running" as const } : file));
  expect(answer(runDocument(), [{ ...report, files }])).toBe("NO-GO");
});

test("a content digest that changed makes it a NO-GO", () => {
  const report = cleanReport();
  const files = report.files.map((file, i) =>
    i === 0 ? { ...file, digest: { before: "aa", after: "bb" } } : file,
  );
  expect(answer(runDocument(), [{ ...report, files }])).toBe("NO-GO");
});

test("a converted file whose content was not compared is no GO, and the gate says so", () => {
  const report = cleanReport();
  const files = report.files.map((file) => ({ ...file, digest: { ...file.digest, after: null } }));
  expect(files.some(({ status }) => status === "converted")).toBe(true);
  expect(answer(runDocument(), [{ ...report, files }])).toBe("NO-GO");
  const { gates } = verdictOf(
    dashboardData({ runs: [], migrations: [{ ...report, files: files.slice(0, 1) }], files: [] }),
  );
  expect(gates.find(({ id }) => id === "migration-digests")).toMatchObject({ pass: false, figure: 1 });
  expect(gates.find(({ id }) => id === "migration-digests")?.detail).toContain("not compared");
});

test("a file that was left as it was needs no digests", () => {
  const report = cleanReport();
  const files = report.files.map((file) => ({
    ...file,
    status: "unchanged" as const,
    digest: { before: null, after: null },
  }));
  expect(answer(runDocument(), [{ ...report, files }])).toBe("GO");
});

test("nothing to judge by is no GO", () => {
  expect(answer(null)).toBe("NOT JUDGED");
});

test("noise, missing engines, incomplete runs and uncommitted code are said", () => {
  const run = runDocument();
  const worse: RunDocument = {
    ...run,
    run: { ...run.run, complete: false, interrupted: "budget" },
    environment: { ...run.environment, espalier: { ...run.environment.espalier, gitDirty: true } },
  };
  const { cautions } = verdictOf(dashboardData({ runs: [worse], migrations: [], files: [] }));
  const said = cautions.join("\n");
  for (const part of [
    "noisy",
    "classic-level was not measured",
    "npm install classic-level",
    "budget. The cell with the fewest rounds has 3 of 3.",
    "committed",
  ]) {
    expect(said).toContain(part);
  }
});
