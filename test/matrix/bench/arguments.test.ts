/** What the benchmark refuses before it measures anything, and what it never writes over. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArguments, USAGE } from "../../../matrix/bench/arguments.js";
import { writeFigures } from "../../../matrix/bench/marked-document.js";

const MARKS = "<!-- figures of npm run bench -->\n\nold\n<!-- end of the figures -->\n";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-arguments-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("arguments", () => {
  it("are a quarter of an hour for everything, and as long as it takes for what is named", () => {
    expect(readArguments([])).toMatchObject({ filters: [], rounds: 3, minutes: 15, engines: undefined });
    expect(readArguments(["get", "--records", "1000,20"])).toMatchObject({
      filters: ["get"],
      records: [1000, 20],
      minutes: undefined,
    });
    expect(readArguments(["--large", "--minutes", "0.5"])).toMatchObject({ minutes: 0.5 });
  });

  it("are all in the help", () => {
    const { filters, help, ...options } = readArguments(["-h"]);
    expect({ filters, help }).toEqual({ filters: [], help: true });
    for (const name of Object.keys(options)) expect(USAGE).toContain(`  --${name} `);
  });

  /** Of no rounds, or of engines that there are not, nothing was measured, and the run ended well. */
  it.each([
    ["--rounds", "abc", "--rounds abc: not a whole number of 1 or more"],
    ["--rounds", "0", "--rounds 0: not a whole"],
    ["--records", "10,", "--records : not a whole"],
    ["--minutes", "soon", "--minutes soon: not a number above 0"],
    ["--engines", "espalier,lmbd", "no engine is called lmbd"],
    ["--dir", "/nowhere/at/all", "/nowhere/at/all"],
    ["--json", "/nowhere/at/all.json", "/nowhere/at"],
    ["--markdown", "/nowhere/at/all.md", "/nowhere/at"],
  ])("%s %s is refused", (option, value, reason) => {
    expect(() => readArguments([option, value])).toThrow(reason);
  });

  it("name no document without marks: it was replaced by the figures", () => {
    const file = join(folder, "README.md");
    for (const text of ["# Mine\n", MARKS.split("\n").reverse().join("\n")]) {
      writeFileSync(file, text);
      expect(() => readArguments(["--markdown", file])).toThrow(/README\.md has no marks to write between/);
      expect(() => writeFigures(file, "new")).toThrow(RangeError);
      expect(readFileSync(file, "utf8")).toBe(text);
    }
    writeFileSync(file, `# Mine\n${MARKS}the end\n`);
    expect(readArguments(["--markdown", file])).toMatchObject({ markdown: file });
    writeFigures(file, "new");
    expect(readFileSync(file, "utf8")).toBe(`# Mine\n${MARKS.replace("old", "new")}the end\n`);
  });

  it("name a document that there is not yet, which takes the figures of the next run, too", () => {
    mkdirSync(join(folder, "out"));
    const file = join(folder, "out", "new.md");
    for (const text of ["old", "new"]) {
      expect(readArguments(["--markdown", file])).toMatchObject({ markdown: file });
      writeFigures(file, text);
      expect(readFileSync(file, "utf8")).toBe(MARKS.replace("old", text));
    }
  });
});
