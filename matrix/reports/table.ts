/** Plain text tables for a terminal: a run with its ratios, a comparison, a history, a gate, a census. */

import type { CellRow, GateVerdict, RunDocument } from "../results/document.js";
import { formatDuration, formatRate } from "../runner/progress.js";
import type { CensusRow } from "./census.js";
import type { RunComparison } from "./compare.js";
import type { HistorySeries } from "./history.js";
import { type CellRatio, geometricMeans, ratiosTo, winners } from "./ratios.js";

/** Lines up columns: the first to the left, the others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((text, i) => {
      widths[i] = Math.max(widths[i] ?? 0, text.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((text, i) => (i === 0 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/**
 * The same, with columns that would go beyond the width in blocks of their own below, each with the first column and
 * the rows that have something in it.
 */
function alignInBlocks(rows: readonly (readonly string[])[], width: number): string {
  const widthOf = (column: number): number => Math.max(...rows.map((row) => (row[column] ?? "").length));
  const blocks: number[][] = [];
  let taken = 0;
  for (let column = 1; column < (rows[0]?.length ?? 0); column++) {
    const wide = widthOf(column) + 2;
    if (blocks.length === 0 || taken + wide > width) {
      blocks.push([]);
      taken = widthOf(0);
    }
    blocks.at(-1)?.push(column);
    taken += wide;
  }
  const isWhole = blocks.length === 1;
  return blocks
    .map((columns) => {
      const cut = rows.map((row) => [row[0] ?? "", ...columns.map((column) => row[column] ?? "")]);
      return alignColumns(isWhole ? cut : cut.filter(([, ...cells]) => cells.some((cell) => cell !== "")));
    })
    .join("\n\n");
}

/** The same columns as a Markdown table. */
export function markdownColumns(rows: readonly (readonly string[])[]): string {
  // Neither ends its column or row: names are texts of the document.
  const plain = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ");
  const line = (cells: readonly string[]): string => `| ${cells.map(plain).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...body.map(line)].join("\n");
}

/**
 * A run: a row a group, a column an engine, ops/s and the ratio to the baseline in brackets. The fastest of
 * the baseline's durability class is starred; engines of other classes carry no ratio. Engines for which `width` has
 * no room are told below the others.
 */
export function runTable(
  run: RunDocument,
  baseline: string = run.settings.baseline,
  width: number = Number.POSITIVE_INFINITY,
): string {
  return [alignInBlocks(runRows(run, baseline), width), "", ...footer(run)].join("\n");
}

/** As runTable, for documents: Markdown, and what is measured in words below it. */
export function runMarkdown(run: RunDocument, baseline: string = run.settings.baseline): string {
  return [markdownColumns(runRows(run, baseline)), "", ...footer(run).map((line) => `- ${line}`)].join("\n");
}

function runRows(run: RunDocument, baseline: string): string[][] {
  const ratios = ratiosTo(run, baseline);
  const ratioOf = new Map(ratios.map((entry) => [entry.cell.id, entry]));
  const groups = new Map<string, CellRow[]>();
  for (const cell of run.cells) groups.set(cell.group, [...(groups.get(cell.group) ?? []), cell]);
  const engines = run.settings.engines;
  const rows = Array.from(groups, ([group, cells]) => {
    const best = winners(cells);
    const texts = engines.map((engine) => {
      const cell = cells.find((candidate) => candidate.engine === engine);
      return cell === undefined
        ? ""
        : cellText(cell, best.get(cell.durability) === cell, ratioOf.get(cell.id));
    });
    return [group, ...texts];
  });
  const means = geometricMeans(ratios);
  const summary = [
    `geometric mean against ${baseline}`,
    ...engines.map((engine) => {
      const entry = means.get(engine);
      return entry === undefined ? "" : `${entry.mean.toFixed(2)}x over ${entry.cells}`;
    }),
  ];
  return [["ops/s", ...engines], ...rows, summary];
}

function cellText(cell: CellRow, best: boolean, ratio: CellRatio | undefined): string {
  if (cell.opsPerSecond === null) return cell.status;
  const times = ratio === undefined ? "" : ` (${ratio.ratio.median.toFixed(2)}x)`;
  return `${best ? "*" : ""}${formatRate(cell.opsPerSecond.median)}${times}`;
}

function footer(run: RunDocument): string[] {
  const { noise, environment, limits } = run;
  const lines = [
    `* fastest of its durability class; ${roundsText(run)}, medians; ${formatDuration(run.run.durationMs)}`,
    `${environment.cpu.model}, ${environment.cpu.cores} cores, ${environment.disk.fileSystem ?? "unknown file system"}, ${environment.runtime.name} ${environment.runtime.version}`,
  ];
  const classes = run.engines.map(({ id, durability }) => `${id}: ${durability}`);
  lines.push(`durability: ${classes.join(", ")}`);
  const sync = limits.find(({ id }) => id === "overwrite-sync");
  if (sync?.p50Us != null)
    lines.push(`limit: 4 KiB overwrite and fdatasync ${sync.p50Us.toFixed(0)} µs at p50`);
  lines.push(
    noise.verdict === "quiet" ? "the machine was quiet" : `noise: ${noise.verdict}${list(noise.reasons)}`,
  );
  for (const engine of run.engines) {
    if (!engine.present) lines.push(`${engine.id}: ${engine.reason}; install with: ${engine.install}`);
  }
  const bad = run.cells.filter(({ status }) => status === "failed" || status === "timeout");
  for (const cell of bad) lines.push(`${cell.id}: ${cell.status}: ${cell.reason?.split("\n")[0]}`);
  if (!run.run.complete)
    lines.push(`not complete (${run.run.interrupted ?? "still running"}): go on with --resume`);
  return lines;
}

function list(reasons: readonly string[]): string {
  return reasons.length === 0 ? "" : ` (${reasons.join("; ")})`;
}

/** A comparison: what changed first, the unchanged only counted. */
export function comparisonTable(comparison: RunComparison): string {
  const order = ["worse", "better", "mixed", "only-before", "only-after"];
  const changed = comparison.cells
    .filter(({ change }) => change !== "same")
    .sort((a, b) => order.indexOf(a.change) - order.indexOf(b.change));
  const rows = changed.map(({ cell, change, ratio, before, after, p99Ratio }) => [
    cell,
    change,
    before === null ? "" : formatRate(before),
    after === null ? "" : formatRate(after),
    ratio === null ? "" : `${ratio.median.toFixed(3)}x [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`,
    p99Ratio === null ? "" : `${p99Ratio.toFixed(2)}x`,
  ]);
  const [head, ...lines] = alignColumns([
    ["cell", "change", "before", "after", "ratio [95 %]", "p99"],
    ...rows,
  ]).split("\n");
  const told = changed.map(({ note }, i) => (note === null ? lines[i] : `${lines[i]}  ${note}`));
  const counts = Object.entries(comparison.counts).filter(([, count]) => count > 0);
  const means = Object.entries(comparison.engines).map(([engine, mean]) => `${engine} ${mean.toFixed(3)}x`);
  return [
    ...(rows.length > 0 ? [head, ...told] : []),
    counts.map(([change, count]) => `${count} ${change}`).join(", ") || "no cells",
    ...(means.length > 0 ? [`geometric means: ${means.join(", ")}`] : []),
    ...comparison.warnings.map((warning) => `warning: ${warning}`),
  ].join("\n");
}

/** A history: a line a series, its steps below it. */
export function historyTable(series: readonly HistorySeries[]): string {
  const lines: string[] = [];
  const times = new Map<string, number>();
  for (const { cell } of series) times.set(cell, (times.get(cell) ?? 0) + 1);
  for (const { cell, operations, passes, measure, points, steps } of series) {
    // Only where it tells series of one cell apart.
    const work = times.get(cell) === 1 ? "" : ` (${operations} operations in ${passes ?? 1} passes)`;
    const show = (value: number): string =>
      measure === "ratio" ? `${value.toFixed(2)}x` : formatRate(value);
    lines.push(`${cell}${work}  ${points.map(({ value }) => show(value)).join(" ")}`);
    for (const { index, before, after, ratio } of steps) {
      const at = points[index];
      lines.push(
        `  step at ${at?.run} (${at?.gitCommit?.slice(0, 10) ?? "no commit"}): ${show(before)} to ${show(after)}, ${ratio.toFixed(2)}x`,
      );
    }
  }
  return lines.length === 0 ? "no series" : lines.join("\n");
}

/** How many rounds the figures stand on: a run that was stopped has cells with fewer than it was asked for. */
function roundsText(run: RunDocument): string {
  const asked = run.settings.rounds;
  const counts = run.cells.flatMap(({ opsPerSecond }) => (opsPerSecond === null ? [] : [opsPerSecond.n]));
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (counts.length === 0) return `0 of ${asked} rounds`;
  if (least === asked) return asked === 1 ? "1 round" : `${asked} rounds`;
  return `${least === most ? least : `${least} to ${most}`} of ${asked} rounds`;
}

/** What a reader of the verdict on a run must know before trusting it. */
export function runWarnings(run: RunDocument): string[] {
  const warnings: string[] = [];
  if (!run.run.complete) {
    const why = run.run.interrupted ?? "still running";
    warnings.push(`the run is not complete (${why}): its cells have ${roundsText(run)}`);
  }
  if (run.noise.verdict !== "quiet") {
    const how = run.noise.verdict === "noisy" ? "noisy" : "not checked for noise";
    warnings.push(`the run was ${how}${list(run.noise.reasons)}`);
  }
  return warnings;
}

/** A gate's verdict: a line a gate, and one with its worst cell, since the two together fit no terminal. */
export function gateTable(verdict: GateVerdict): string {
  const rows = verdict.gates.map(({ id, pass, figure }) => [
    `${pass ? "pass" : "FAIL"}  ${id}`,
    figure === null ? "no figure" : number(figure),
  ]);
  const [head, ...lines] = alignColumns([["gate", "figure"], ...rows]).split("\n");
  const told = verdict.gates.map(({ comparison, limit, unit, cell, detail }, i) => {
    const asked = `${comparison === "at-most" ? "<=" : ">="} ${number(limit)} ${unit}`;
    return `${lines[i]}  ${asked}\n      ${cell === null ? "" : `${cell}: `}${detail}`;
  });
  return [`${head}  limit`, ...told, verdict.verdict].join("\n");
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

/** A census: what made the legacy way rebuild leaves, a row a cell and guardrail. */
export function censusTable(rows: readonly CensusRow[]): string {
  if (rows.length === 0) return "no cell of a legacy engine was measured";
  return alignColumns([
    ["cell", "path", "guardrail", "fired", "of leaf edits", "in place"],
    ...rows.map(({ cell, path, guardrail, count, share, inPlace }) => [
      cell,
      path,
      guardrail,
      String(count),
      `${(share * 100).toFixed(1)} %`,
      String(inPlace),
    ]),
  ]);
}
