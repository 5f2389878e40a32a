/** What the page says of migrations: each file's state and rate, and the course of the whole. */

import { describe, expect, it } from "vitest";
import { fileRows, progressRows } from "../../dashboards/data/migrations.js";
import type { MigratedFile } from "../../dashboards/documents/migration-report.js";
import { migrationReport } from "./support/documents.js";

const report = migrationReport();
const [file] = report.files as [MigratedFile, ...MigratedFile[]];

function rowOf(change: Partial<MigratedFile>): Record<string, unknown> {
  return fileRows([{ ...report, files: [{ ...file, ...change }] }])[0] as Record<string, unknown>;
}

describe("a file", () => {
  it("has its rate in megabytes a second", () => {
    expect(rowOf({ bytes: { before: 30_000_000, after: 1 }, ms: 1500 })).toMatchObject({
      seconds: 1.5,
      megabytesPerSecond: 20,
    });
  });

  it.each<Partial<MigratedFile>>([{ ms: null }, { ms: 0 }, { bytes: { before: null, after: 4096 } }])(
    "has no rate where one can't be told: %j",
    (change) => {
      expect(rowOf(change)["megabytesPerSecond"]).toBe(null);
    },
  );

  it("ended well, badly, or is still on its way", () => {
    const states = ["converted", "unchanged", "locked", "corrupt", "running", "pending"] as const;
    expect(states.map((status) => rowOf({ status })["state"])).toEqual([
      "well",
      "well",
      "badly",
      "badly",
      "going on",
      "going on",
    ]);
  });

  it("shows the digest that it has, and whether two were compared", () => {
    const digests = (before: string | null, after: string | null): unknown[] => {
      const row = rowOf({ digest: { before, after } });
      return [row["digest"], row["digests"]];
    };
    expect(digests("ab".repeat(32), "ab".repeat(32))).toEqual(["ab".repeat(8), "equal"]);
    expect(digests("ab".repeat(32), "cd".repeat(32))).toEqual(["cd".repeat(8), "DIFFERENT"]);
    expect(digests("ab".repeat(32), null)).toEqual(["ab".repeat(8), "not compared"]);
    expect(digests(null, null)).toEqual([null, "not compared"]);
  });
});

describe("the course", () => {
  const rates = (rows: readonly Record<string, unknown>[]): unknown[] =>
    rows.filter(({ measure }) => measure === "bytes a second").map(({ seconds, value }) => [seconds, value]);

  it("has the rate since the point before, none at the first", () => {
    expect(rates(progressRows([report]))).toEqual([
      [3, 1_000_000],
      [6, 1_000_000],
      [9, 1_000_000],
      [12, 1_000_000],
    ]);
  });

  it("has no rate between two points of one moment", () => {
    const [first, second, third] = report.progress;
    const progress = [first!, second!, { ...third!, at: second!.at }];
    expect(rates(progressRows([{ ...report, progress }]))).toEqual([[3, 1_000_000]]);
  });

  it("has bytes, records and files done at each point", () => {
    const rows = progressRows([report]).filter(({ seconds }) => seconds === 6);
    expect(rows.map(({ measure, value }) => [measure, value])).toEqual([
      ["bytes converted", 6_000_000],
      ["records converted", 180_000],
      ["files done", 2],
      ["bytes a second", 1_000_000],
    ]);
  });
});
