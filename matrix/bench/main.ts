/**
 * The benchmark of the store beside its peers, against the table of targets:
 *
 *   npm run bench [-- filter...] [--records 10000,1000000] [--rounds 3] [--engines a,b] [--large]
 *                 [--minutes 15] [--json FILE] [--markdown FILE] [--dir FOLDER] [--list]
 *
 * A filter is a section's name (get, scan, insert ...) or the beginning of a cell's (get/text/1000000). Without
 * one a choice of the cells of all sections runs, in about a quarter of an hour; with one, all that match, for as
 * long as they take. --large adds what takes minutes: 10,000,000 records, 1 GiB.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { killChildren } from "./child.js";
import { markdown } from "./markdown.js";
import type { Cell, Section, Sizes } from "./plan.js";
import { cellText, curvesText, summaryText } from "./report.js";
import { makeRunFolder, runBench } from "./run.js";
import { SECTIONS } from "./sections/registry.js";

const SEED = 20_240_607;
const DEFAULT_MINUTES = 15;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: "string", default: "10000,1000000" },
    rounds: { type: "string", default: "3" },
    engines: { type: "string" },
    large: { type: "boolean", default: false },
    minutes: { type: "string" },
    json: { type: "string" },
    markdown: { type: "string" },
    dir: { type: "string", default: tmpdir() },
    list: { type: "boolean", default: false },
  },
});

const sizes: Sizes = { records: wholeNumbers(values.records), large: values.large, seed: SEED };

function wanted(section: Section, cell: Cell): boolean {
  if (positionals.length === 0) return section.onlyByName !== true && cell.onlyByName !== true;
  return positionals.some((filter) => filter === section.id || `${cell.id}/`.startsWith(`${filter}/`));
}

function wholeNumbers(text: string): number[] {
  return text.split(",").map((part) => {
    const number = Number(part);
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`"${part}" is no number of records`);
    return number;
  });
}

const [BEGIN, END] = ["<!-- figures of npm run bench -->", "<!-- end of the figures -->"];

/** Between the marks of a document that has them; as a document of its own otherwise. */
function writeMarkdown(file: string, text: string): void {
  const old = existsSync(file) ? readFileSync(file, "utf8") : "";
  const [from, to] = [old.indexOf(BEGIN), old.indexOf(END)];
  const within = from >= 0 && to > from;
  const whole = within ? `${old.slice(0, from + BEGIN.length)}\n\n${text}\n${old.slice(to)}` : text;
  writeFileSync(file, whole);
}

/** The whole table is bounded; what is asked for by name takes as long as it takes. */
function minutes(): number | undefined {
  if (values.minutes !== undefined) return Number(values.minutes);
  return positionals.length === 0 && !values.large ? DEFAULT_MINUTES : undefined;
}

function list(): void {
  for (const section of SECTIONS) {
    process.stdout.write(`${section.id}: ${section.title}\n  target: ${section.target}\n`);
    for (const cell of section.cells(sizes)) {
      if (wanted(section, cell)) process.stdout.write(`  ${cell.id}\n`);
    }
  }
}

async function main(): Promise<void> {
  const cells = SECTIONS.flatMap((section) => section.cells(sizes).filter((cell) => wanted(section, cell)));
  if (cells.length === 0) throw new Error(`nothing is called ${positionals.join(", ")}; --list shows all`);
  const { folder, remove } = makeRunFolder(values.dir);
  const onInterrupt = (): void => {
    killChildren();
    remove();
    process.exit(130);
  };
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onInterrupt);
  let shown = "";
  try {
    const result = await runBench({
      sections: SECTIONS,
      sizes,
      rounds: Math.max(1, Number(values.rounds)),
      minutes: minutes(),
      engines: values.engines?.split(","),
      wanted,
      folder,
      childEntry: undefined,
      progress: (line) => void process.stderr.write(`... ${line}\n`),
      onCell(section, cell) {
        if (shown !== section.id) {
          process.stdout.write(`\n=== ${section.title}\n    target: ${section.target}\n`);
        }
        shown = section.id;
        process.stdout.write(`\n${cellText(cell)}`);
      },
      onSection: (section) => void process.stdout.write(curvesText(section)),
    });
    process.stdout.write(`\n${summaryText(result)}`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 1)}\n`);
    if (values.markdown !== undefined) writeMarkdown(values.markdown, markdown(result));
  } finally {
    remove();
  }
}

if (values.list) list();
else await main();
