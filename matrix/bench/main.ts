/** The benchmark of the store beside its peers, against the table of targets. */

import { replaceFile } from "../../src/commands/support/replace-file.js";
import { type BenchArguments, readArguments, USAGE } from "./arguments.js";
import { killChildren } from "./child.js";
import { markdown } from "./markdown.js";
import { writeFigures } from "./marked-document.js";
import type { Cell, Section, Sizes } from "./plan.js";
import { cellText, curvesText, summaryText } from "./report.js";
import { runBench } from "./run.js";
import { makeRunFolder } from "./run-folder.js";
import { SECTIONS } from "./sections/registry.js";

const SEED = 20_240_607;
const EXIT_USAGE = 2;

function main(): Promise<void> | void {
  let asked: BenchArguments;
  try {
    asked = readArguments(process.argv.slice(2));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${reason}\nnpm run bench -- --help shows the options\n`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  if (asked.help) {
    process.stdout.write(USAGE);
    return;
  }
  const sizes: Sizes = { records: asked.records, large: asked.large, seed: SEED };
  return asked.list ? list(asked, sizes) : measure(asked, sizes);
}

function wanted(filters: readonly string[], section: Section, cell: Cell): boolean {
  if (filters.length === 0) return section.onlyByName !== true && cell.onlyByName !== true;
  return filters.some((filter) => filter === section.id || `${cell.id}/`.startsWith(`${filter}/`));
}

function list({ filters }: BenchArguments, sizes: Sizes): void {
  for (const section of SECTIONS) {
    process.stdout.write(`${section.id}: ${section.title}\n  target: ${section.target}\n`);
    for (const cell of section.cells(sizes)) {
      if (wanted(filters, section, cell)) process.stdout.write(`  ${cell.id}\n`);
    }
  }
}

async function measure(asked: BenchArguments, sizes: Sizes): Promise<void> {
  const { filters, rounds, minutes, engines } = asked;
  const isWanted = (section: Section, cell: Cell): boolean => wanted(filters, section, cell);
  const cells = SECTIONS.flatMap((section) => section.cells(sizes).filter((cell) => isWanted(section, cell)));
  if (cells.length === 0) throw new Error(`nothing is called ${filters.join(", ")}; --list shows all`);
  const { folder, remove } = makeRunFolder(asked.dir);
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
      rounds,
      minutes,
      engines,
      wanted: isWanted,
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
    if (asked.json !== undefined) replaceFile(asked.json, `${JSON.stringify(result, null, 1)}\n`);
    if (asked.markdown !== undefined) writeFigures(asked.markdown, markdown(result));
  } finally {
    remove();
  }
}

await main();
