/** What people and spreadsheets read: the run's table, CSV, explanations, the census. */

import { describe, expect, it } from "vitest";
import { censusOf } from "../../../matrix/reports/census.js";
import { toCsv } from "../../../matrix/reports/csv.js";
import { explainCell, findCell } from "../../../matrix/reports/explain.js";
import { censusTable, runMarkdown, runTable } from "../../../matrix/reports/table.js";
import { cell, run, unmeasured } from "../support/documents.js";

const measured = run([
  cell("espalier", [300, 310, 290]),
  cell("better-sqlite3", [100, 101, 99]),
  cell("sorted-btree", [9000], { durability: "memory" }),
  unmeasured("rocksdb", "missing", "rocksdb is not installed; install with: npm install"),
]);

describe("runTable", () => {
  const table = runTable(measured).split("\n");

  it("shows rates, ratios to the baseline, and stars the fastest of each durability class", () => {
    expect(table[0]).toMatch(/ops\/s +espalier +better-sqlite3 +sorted-btree +rocksdb/);
    expect(table[1]).toMatch(/\*300 \(3\.00x\) +100 +\*9\.00k +missing/);
  });

  it("says how many rounds its figures stand on, where a run was stopped before the last", () => {
    const rounds = (...rates: number[][]): string =>
      /\d[^;]*rounds, medians/.exec(runTable(run(rates.map((each) => cell("espalier", each)))))?.[0] ?? "";
    expect(rounds([1, 2, 3], [1, 2, 3])).toBe("3 rounds, medians");
    expect(rounds([1], [1, 2])).toBe("1 to 2 of 3 rounds, medians");
    expect(rounds([1, 2], [1, 2])).toBe("2 of 3 rounds, medians");
    expect(rounds()).toBe("0 of 3 rounds, medians");
    const once = run([cell("espalier", [1])]);
    expect(runTable({ ...once, settings: { ...once.settings, rounds: 1 } })).toContain("; 1 round, medians");
  });

  it("breaks into blocks that fit a terminal, each with its groups, and loses no column", () => {
    const other = { group: "reads/u64/10000/random/ce1" };
    const narrow = runTable(
      run([...measured.cells, cell("espalier", [100], other), cell("sorted-btree", [1], other)]),
      "better-sqlite3",
      60,
    );
    const blocks = narrow.split("\n\n").slice(0, -1);
    expect(blocks.length).toBeGreaterThan(1);
    const heads = blocks.map((block) => block.split("\n")[0]?.split(/ +/) ?? []);
    expect(heads.every(([first]) => first === "ops/s")).toBe(true);
    expect(heads.flatMap(([, ...engines]) => engines)).toEqual(measured.settings.engines);
    for (const line of blocks.join("\n").split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    expect(blocks.at(-1)).toContain("missing");
    expect(runTable(measured, "better-sqlite3", 200)).toBe(runTable(measured));
  });

  it("gives an engine of another class no ratio and no mean", () => {
    expect(table[1]).not.toMatch(/90\.00x/);
    expect(table[2]).toMatch(/geometric mean against better-sqlite3 +3\.00x over 1$/);
  });
});

describe("runMarkdown", () => {
  it("has the same rows as a Markdown table, and the same words below it", () => {
    const lines = runMarkdown(measured).split("\n");
    expect(lines[0]).toBe("| ops/s | espalier | better-sqlite3 | sorted-btree | rocksdb |");
    expect(lines[1]).toBe("| --- | ---: | ---: | ---: | ---: |");
    expect(lines[2]).toBe("| inserts/u64/10000/random/ce100 | *300 (3.00x) | 100 | *9.00k | missing |");
    const below = runTable(measured).split("\n");
    expect(lines.at(-1)).toBe(`- ${below.at(-1)}`);
    expect(lines).toHaveLength(below.length + 1);
  });
});

describe("a document from elsewhere", () => {
  const foreign = run([cell("=1+1|\n@b", [300], { reproduce: "-2+3", opsPerIteration: -5 })]);

  it("neither ends a column nor a row of a Markdown table", () => {
    const [head = "", dashes = ""] = runMarkdown(foreign).split("\n");
    expect(head).toBe("| ops/s | =1+1\\| @b |");
    expect(dashes).toBe("| --- | ---: |");
  });

  it("puts no formula into a spreadsheet, and leaves its numbers alone", () => {
    const text = toCsv(foreign);
    expect(text).toContain(`,"'=1+1|\n@b",`);
    expect(text).toMatch(/,'-2\+3\n$/);
    expect(text).toContain(",-5,");
  });
});

describe("toCsv", () => {
  const lines = toCsv(measured).trimEnd().split("\n");

  it("has a header and one row a cell, measured or not", () => {
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^run,cell,workload,shape,records,order,commit_every,engine,/);
    expect(lines[1]).toMatch(
      /^20260101T000000Z,inserts\/u64\/10000\/random\/ce100\/espalier,inserts,u64,10000,random,100,espalier,durable,ok,,10000,3,300,/,
    );
    expect(lines[4]).toMatch(
      /rocksdb,durable,missing,rocksdb is not installed; install with: npm install,,,/,
    );
  });

  it("has as many columns in every row", () => {
    const columns = lines.map((line) => line.split(",").length);
    expect(new Set(columns).size).toBe(1);
  });
});

describe("explain", () => {
  it("gives every figure and the command that measures the cell again", () => {
    const text = explainCell(measured, "ce100/espalier");
    expect(text).toMatch(/reproduce {4}espalier matrix run --workloads inserts/);
    expect(text).toMatch(/300 \[290, 310\] over 3 rounds of 10000 operations/);
    expect(text).toMatch(/ratio {8}3\.00x \[.*\] better-sqlite3/);
  });

  it("refuses a name that no cell or several have", () => {
    expect(() => findCell(measured, "no-such-cell")).toThrow(RangeError);
    expect(() => findCell(measured, "inserts")).toThrow(/names 4 cells/);
  });

  it("says why a cell was not measured", () => {
    expect(explainCell(measured, "rocksdb")).toMatch(/missing: rocksdb is not installed/);
  });
});

describe("census", () => {
  const counted = run([
    cell("rebuild-on-miss", [100], {
      census: {
        edits: 200,
        inPlace: 150,
        rebuilds: 50,
        fired: [
          { path: "insert", guardrail: "fence_mismatch", count: 0 },
          { path: "insert", guardrail: "contiguous_space", count: 10 },
          { path: "insert", guardrail: "replacement", count: 40 },
        ],
      },
    }),
    cell("espalier", [100]),
  ]);

  it("lists what fired, the most frequent first, with its share of all edits", () => {
    expect(censusOf(counted).map(({ guardrail, count, share }) => [guardrail, count, share])).toEqual([
      ["replacement", 40, 0.2],
      ["contiguous_space", 10, 0.05],
    ]);
    expect(censusTable(censusOf(counted))).toMatch(/replacement +40 +20\.0 % +150/);
  });

  it("says so when there is none", () => {
    expect(censusTable(censusOf(measured))).toMatch(/no cell/);
  });
});
