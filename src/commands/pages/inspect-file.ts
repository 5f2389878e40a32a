/** `espalier inspect` of a whole file: what its pages are, how full, and where; as JSON or drawn for a person. */

import { EXIT_CORRUPTION } from "../support/exit-codes.js";
import { printable } from "../support/formats.js";
import {
  bytes,
  count,
  paint,
  pairs,
  percent,
  print,
  printJson,
  table,
  terminalWidth,
} from "../support/output.js";
import { Progress } from "../support/progress.js";
import { fillHistogram, mapOf, summarise } from "./file-map.js";
import type { PageSource } from "./page-source.js";
import { type StoreSurvey, surveyStore } from "./survey.js";

const BAR_CELLS = 40;
const MAP_INDENT = "  ";
/** Where no terminal tells its own. */
const WIDTH = 80;

export function inspectFile(source: PageSource, json: boolean): void {
  const progress = new Progress("reading");
  const survey = surveyStore(source, (done, total) => progress.show(done, total));
  progress.end();
  if (survey.problems.length > 0) process.exitCode = EXIT_CORRUPTION;
  if (json) printAsJson(source, survey);
  else draw(source, survey);
}

function printAsJson({ path, pageSize, pageCount }: PageSource, survey: StoreSurvey): void {
  printJson({
    path,
    pageSize,
    pages: pageCount,
    kinds: summarise(survey),
    fillHistogram: fillHistogram(survey, pageSize),
    map: mapOf(survey, pageSize),
    trees: survey.trees.map(({ name, record, leaves }) => ({ name, ...record, leaves: leaves.length })),
    problems: survey.problems,
  });
}

function draw({ path, pageSize, pageCount, header }: PageSource, survey: StoreSurvey): void {
  print(
    pairs([
      ["file", printable(path)],
      ["store id", Buffer.from(header.storeId).toString("hex")],
      ["pages", `${count(pageCount)} of ${bytes(pageSize)}`],
      ["trees", treeNames(survey)],
    ]),
  );
  print("");
  printKinds(survey, pageSize);
  const map = mapOf(survey, pageSize, (terminalWidth() ?? WIDTH) - MAP_INDENT.length);
  printMap(
    map.fill,
    `fill: ▁ to █ tree pages from empty to full, H header, o overflow, · free${legendEnd(survey)}`,
  );
  printMap(map.fragmentation, "fragmentation: tenths of a tree page's records that lie in holes, 0 none");
  print(`${paint("dim", "a cell is")} ${map.pagesPerCell === 1 ? "a page" : `${map.pagesPerCell} pages`}\n`);
  printHistogram(fillHistogram(survey, pageSize));
  for (const { page, invariant, reason } of survey.problems)
    print(`${paint("red", "damaged")} page ${page}: ${reason} (${invariant})`);
}

function printKinds(survey: StoreSurvey, pageSize: number): void {
  const rows = summarise(survey).map(({ kind, pages, usedBytes, holeBytes }) => {
    const isTree = kind === "leaf" || kind === "branch";
    const room = pages * pageSize;
    return [
      kind,
      count(pages),
      isTree ? percent(usedBytes, room) : "",
      isTree ? percent(holeBytes, room) : "",
    ];
  });
  print(table(["kind", "pages", "filled", "in holes"], rows));
}

function treeNames({ trees }: StoreSurvey): string {
  return trees.map(({ name }) => (name === "" ? "(unnamed)" : printable(name))).join(", ");
}

function legendEnd(survey: StoreSurvey): string {
  return survey.problems.length > 0 ? ", ! damaged, ? unreached" : "";
}

function printMap(lines: readonly string[], legend: string): void {
  print(`\n${paint("dim", legend)}`);
  for (const line of lines) print(`${MAP_INDENT}${line}`);
}

function printHistogram(steps: readonly number[]): void {
  const most = Math.max(...steps, 1);
  print(paint("dim", "leaves by fill"));
  for (let i = steps.length - 1; i >= 0; i--) {
    const cells = Math.ceil((steps[i]! / most) * BAR_CELLS);
    const label = `${String(i * 10).padStart(3)} to ${String(i * 10 + 10).padStart(3)} %`;
    print(`  ${label}  ${"█".repeat(cells)} ${steps[i] === 0 ? "" : count(steps[i]!)}`.trimEnd());
  }
}
