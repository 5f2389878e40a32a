/** Results as text for a terminal. */

import type { Verdict } from "./judge.js";
import type { Cell, FigureSpec } from "./plan.js";
import type { BenchResult, CellResult, SectionResult } from "./run.js";

/** 1234567 as 1.23M; small numbers with three digits. */
export function short(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`;
  if (value >= 10_000) return `${(value / 1e3).toPrecision(3)}k`;
  if (value >= 1000) return value.toFixed(0);
  return Number(value.toPrecision(3)).toString();
}

/** A value with its unit. */
export function shown(value: number | null | undefined, figure: FigureSpec | undefined): string {
  return value === null || value === undefined ? "-" : `${short(value)}${figure?.unit ?? ""}`;
}

/** What came of a target. */
export function outcome({ met }: Verdict): string {
  return met === null ? "not measured" : met ? "met" : "NOT MET";
}

/** One cell for a terminal: a line an entry, a line a target. */
export function cellText({ cell, entries, verdicts }: CellResult): string {
  const names = figuresWithValues(cell, entries);
  const head = ["", ...names.map(({ name }) => name)];
  const body = entries
    .filter(({ status }) => status === "ok")
    .map(({ title, figures }) => [title, ...names.map((figure) => shown(figures[figure.name], figure))]);
  const rounds = roundsOf(entries);
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

/** Rounds that were run. */
export function roundsOf(entries: CellResult["entries"]): number {
  return Math.max(0, ...entries.map((entry) => entry.rounds.length));
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

/** The figures that at least one entry has. */
export function figuresWithValues(cell: Cell, entries: CellResult["entries"]): FigureSpec[] {
  return cell.figures.filter(({ name }) => entries.some(({ figures }) => figures[name] !== undefined));
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const padded = (text: string, i: number): string =>
    i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0);
  return rows.map((row) => `  ${row.map(padded).join("  ")}`);
}

/** File systems that keep what is written in memory. */
const IN_MEMORY: readonly string[] = ["tmpfs", "ramfs"];

/** What makes a run's figures another thing than they seem; null where nothing does. */
export function caveat({ environment }: BenchResult): string | null {
  const { fileSystem } = environment.disk;
  if (fileSystem === null || !IN_MEMORY.includes(fileSystem)) return null;
  return `The stores lay on ${fileSystem}, in memory: commits cost no sync there, and their figures are those of no disk (--dir FOLDER names another place).`;
}

/** How many targets are met, in a line, and what to know before one trusts that. */
export function summaryText(result: BenchResult): string {
  const { sections, seconds } = result;
  const verdicts = sections.flatMap(({ cells, verdicts: own }) => [
    ...cells.flatMap((cell) => cell.verdicts),
    ...own,
  ]);
  const count = (met: boolean | null): number => verdicts.filter((verdict) => verdict.met === met).length;
  const told = `${count(true)} targets met, ${count(false)} not met, ${count(null)} not measured; ${Math.round(seconds)} s\n`;
  const but = caveat(result);
  return but === null ? told : `${told}${but}\n`;
}
