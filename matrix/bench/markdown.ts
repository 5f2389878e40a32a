/**
 * A result as markdown, for docs/performance.md: for each section what was asked for and what came out, and
 * behind it, folded, the figures of every engine.
 */

import type { Verdict } from "./judge.js";
import type { FigureSpec } from "./plan.js";
import { caveat, figuresWithValues, outcome, roundsOf, short, shown, summaryText } from "./report.js";
import type { BenchResult, CellResult, SectionResult } from "./run.js";

/** The whole result. */
export function markdown(result: BenchResult): string {
  const counts = `${summaryText(result).split(";")[0]}.\n`;
  const but = caveat(result);
  return [
    environmentText(result),
    ...(but === null ? [] : [`${but}\n`]),
    counts,
    ...result.sections.map(sectionMarkdown),
  ].join("\n");
}

function environmentText({ environment, rounds, driftMs, startedAt }: BenchResult): string {
  const { cpu, memoryBytes, disk, os, runtime, peers } = environment;
  const versions = Object.entries(peers)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
  const drift = Math.max(...driftMs) / Math.min(...driftMs);
  return [
    `Measured ${startedAt.slice(0, 10)} on ${cpu.cores} cores of ${cpu.model}, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${disk.fileSystem ?? "unknown file system"}, ${os.platform} ${os.kernel}, Node ${runtime.version.slice(1)}; ${versions}.`,
    `Medians of up to ${rounds} rounds (reads: of more), engines interleaved, every engine in a process of its own; content read back and hashed.`,
    `The same JavaScript loop took ${drift.toFixed(2)} times as long at its slowest as at its fastest: that much the machine itself drifted.\n`,
  ].join("\n");
}

function sectionMarkdown({ title, target, cells, verdicts }: SectionResult): string {
  const rows = [
    ...cells.flatMap(({ cell, verdicts: own }) =>
      own.map((verdict) => targetRow(cell.id, cell.figures, verdict)),
    ),
    ...verdicts.map((verdict) => targetRow("", [], verdict)),
  ];
  return [
    `### ${title}\n`,
    `Target: ${target}.\n`,
    "| cell | figure | espalier | against | ratio | wanted | |",
    "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ...rows,
    "",
    "<details><summary>Figures of every engine</summary>\n",
    ...cells.map(cellMarkdown),
    "</details>\n",
  ].join("\n");
}

function targetRow(cell: string, specs: readonly FigureSpec[], verdict: Verdict): string {
  const spec = specs.find(({ name }) => name === verdict.figure);
  const own = verdict.mineEntry.startsWith("espalier ") ? ` (${verdict.mineEntry.slice(9)})` : "";
  const against = `${verdict.otherEntry ?? "limit"} ${shown(verdict.other, spec)}`;
  const ratio = verdict.ratio === null ? "-" : verdict.ratio.toFixed(2);
  const result = verdict.met === false ? `**${outcome(verdict).toLowerCase()}**` : outcome(verdict);
  return `| ${cell === "" ? "" : `\`${cell}\``} | ${verdict.figure}${own} | ${shown(verdict.mine, spec)} | ${against} | ${ratio} | ${verdict.wanted} | ${result} |`;
}

function cellMarkdown({ cell, entries }: CellResult): string {
  const figures = figuresWithValues(cell, entries);
  const names = figures.map(({ name, unit }) =>
    unit === "/s" ? `${name} a second` : `${name}${unit === "" ? "" : `,${unit}`}`,
  );
  const rows = entries.map((entry) => {
    if (entry.status !== "ok") return `| ${entry.title} | ${entry.status}: ${entry.reason?.split("\n")[0]} |`;
    const values = figures.map(({ name }) => {
      const value = entry.figures[name];
      return value === undefined ? "-" : short(value);
    });
    return `| ${entry.title} | ${values.join(" | ")} |`;
  });
  return `${[
    `\`${cell.id}\`: ${cell.title} (rounds: ${roundsOf(entries)})\n`,
    `| engine | ${names.join(" | ")} |`,
    `| --- |${names.map(() => " ---: |").join("")}`,
    ...rows,
  ].join("\n")}\n`;
}
