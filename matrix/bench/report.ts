/** Results as text for a terminal and as markdown for docs/performance.md. */

import type { Verdict } from "./judge.js";
import type { Cell, FigureSpec } from "./plan.js";
import type { BenchResult, CellResult, SectionResult } from "./run.js";

/** 1234567 as 1.23M; small numbers with three digits. */
export function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)}M`;
  if (value >= 10_000) return `${(value / 1e3).toPrecision(3)}k`;
  if (value >= 1000) return value.toFixed(0);
  return Number(value.toPrecision(3)).toString();
}

function shown(value: number | null | undefined, figure: FigureSpec | undefined): string {
  return value === null || value === undefined ? "-" : `${short(value)}${figure?.unit ?? ""}`;
}

function outcome({ met }: Verdict): string {
  return met === null ? "not measured" : met ? "met" : "NOT MET";
}

/** One cell for a terminal: a line an entry, a line a target. */
export function cellText({ cell, entries, verdicts }: CellResult): string {
  const names = figuresWithValues(cell, entries);
  const head = ["", ...names.map(({ name }) => name)];
  const body = entries
    .filter(({ status }) => status === "ok")
    .map(({ title, figures }) => [title, ...names.map((figure) => shown(figures[figure.name], figure))]);
  const rounds = Math.max(0, ...entries.map((entry) => entry.rounds.length));
  const lines = [
    `${cell.title} (${rounds} ${rounds === 1 ? "round" : "rounds"})`,
    ...columns([head, ...body]),
  ];
  for (const { title, status, reason } of entries) {
    if (status !== "ok") lines.push(`  ${title}: ${status}, ${reason?.split("\n")[0]}`);
  }
  for (const verdict of verdicts) lines.push(`  ${verdictText(cell.figures, verdict)}`);
  return `${lines.join("\n")}\n`;
}

/** The targets of a section's curves. */
export function curvesText({ verdicts }: SectionResult): string {
  return verdicts.map((verdict) => `  ${verdictText([], verdict)}\n`).join("");
}

function verdictText(specs: readonly FigureSpec[], verdict: Verdict): string {
  const spec = specs.find(({ name }) => name === verdict.figure);
  const against = verdict.otherEntry ?? "the limit";
  const ratio = verdict.ratio === null ? "-" : verdict.ratio.toFixed(2);
  const [mine, other] = [shown(verdict.mine, spec), shown(verdict.other, spec)];
  return `${outcome(verdict).padEnd(12)} ${verdict.figure}: ${verdict.mineEntry} ${mine}, ${ratio} of ${against} ${other}; wanted ${verdict.wanted}`;
}

function figuresWithValues(cell: Cell, entries: CellResult["entries"]): FigureSpec[] {
  return cell.figures.filter(({ name }) => entries.some(({ figures }) => figures[name] !== undefined));
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const padded = (text: string, i: number): string =>
    i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  return rows.map((row) => `  ${row.map(padded).join("  ")}`);
}

/** How many targets are met, in a line. */
export function summaryText({ sections, seconds }: BenchResult): string {
  const verdicts = sections.flatMap(({ cells, verdicts: own }) => [
    ...cells.flatMap((cell) => cell.verdicts),
    ...own,
  ]);
  const count = (met: boolean | null): number => verdicts.filter((verdict) => verdict.met === met).length;
  return `${count(true)} targets met, ${count(false)} not met, ${count(null)} not measured; ${Math.round(seconds)} s\n`;
}

/** The whole result as markdown: a table of figures and one of targets for each section. */
export function markdown(result: BenchResult): string {
  const parts = [environmentText(result)];
  for (const { title, target, cells, verdicts } of result.sections) {
    parts.push(`## ${title}\n\nTarget: ${target}.\n`);
    for (const cell of cells) parts.push(cellMarkdown(cell));
    if (verdicts.length > 0) parts.push(`${targetList([], verdicts)}\n`);
  }
  return `${parts.join("\n")}`;
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

function cellMarkdown({ cell, entries, verdicts }: CellResult): string {
  const names = figuresWithValues(cell, entries);
  const rounds = Math.max(0, ...entries.map((entry) => entry.rounds.length));
  const title = `### ${cell.title} (rounds: ${rounds})\n`;
  const head = `| engine | ${names.map(({ name, unit }) => `${name}${unit === "/s" ? " a second" : `,${unit}`}`).join(" | ")} |`;
  const rule = `| --- |${names.map(() => " ---: |").join("")}`;
  const rows = entries.map(({ title: name, status, reason, figures }) =>
    status === "ok"
      ? `| ${name} | ${names.map((figure) => (figures[figure.name] === undefined ? "-" : short(figures[figure.name] as number))).join(" | ")} |`
      : `| ${name} | ${status}: ${reason?.split("\n")[0]} |`,
  );
  return `${[title, head, rule, ...rows, "", targetList(cell.figures, verdicts)].join("\n")}\n`;
}

function targetList(specs: readonly FigureSpec[], verdicts: readonly Verdict[]): string {
  return verdicts.map((verdict) => `- ${verdictText(specs, verdict)}`).join("\n");
}
