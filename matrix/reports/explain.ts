/** Explains one cell: how it was measured, every figure, and the commands that measure and profile it again. */

import { engineById } from "../engines/registry.js";
import { parseCellId } from "../plan/cells.js";
import type { CellRow, RunDocument } from "../results/document.js";
import { DEFAULT_SEED, reproduceCommand } from "../runner/options.js";
import { formatRate } from "../runner/progress.js";
import { ratiosTo } from "./ratios.js";

/** The cell that an id, or an unambiguous part of one, names. Throws RangeError when there is none or several. */
export function findCell(run: RunDocument, id: string): CellRow {
  const exact = run.cells.find((cell) => cell.id === id);
  if (exact !== undefined) return exact;
  const matching = run.cells.filter((cell) => cell.id.includes(id));
  const [only] = matching;
  if (only === undefined) throw new RangeError(`no cell of this run is called ${id}`);
  if (matching.length > 1) {
    const some = matching.slice(0, 8).map((cell) => cell.id);
    throw new RangeError(
      `${id} names ${matching.length} cells: ${some.join(", ")}${matching.length > 8 ? ", …" : ""}`,
    );
  }
  return only;
}

/** How to measure a cell, by its id alone. Throws RangeError for an id that names no cell and engine. */
export function reproducible(id: string): Pick<CellRow, "id" | "durability" | "settings" | "reproduce"> {
  const { group, engine } = parseCellId(id);
  if (engine === null) throw new RangeError(`${id} names no engine; one looks like ${id}/espalier`);
  const { durability, settings } = engineById(engine);
  const effort = { preset: "quick", rounds: 3, seed: DEFAULT_SEED } as const;
  return { id, durability, settings, reproduce: reproduceCommand(effort, group, engine) };
}

/** As text. */
export function explainId(id: string): string {
  const { durability, settings, reproduce } = reproducible(id);
  const lines = [id, `  durability   ${durability}`, `  settings     ${settings}`, ...commands(reproduce)];
  return lines.join("\n");
}

function commands(reproduce: string): string[] {
  const once = reproduce.replace(/--rounds \d+/, "--rounds 1");
  return [
    `  reproduce    ${reproduce}`,
    `  profile      ${once} --no-profile --cpu-prof --out DIR && espalier matrix hot DIR`,
  ];
}

/** What there is to say about a cell, as text. */
export function explainCell(run: RunDocument, id: string): string {
  const cell = findCell(run, id);
  const lines = [
    cell.id,
    `  status       ${cell.status}${cell.reason === null ? "" : `: ${cell.reason}`}`,
    `  durability   ${cell.durability}`,
    `  settings     ${cell.settings}`,
    ...commands(cell.reproduce),
  ];
  const { opsPerSecond, latencyUs, bytes, memory, cpuUs } = cell;
  if (opsPerSecond !== null) {
    const { median, low, high, n } = opsPerSecond;
    lines.push(
      `  ops/s        ${formatRate(median)} [${formatRate(low)}, ${formatRate(high)}] over ${n === 1 ? "1 round" : `${n} rounds`} of ${cell.operations} operations`,
    );
    const rounds = cell.rounds.map(
      (round) =>
        `${round.opsPerSecond === null ? round.status : formatRate(round.opsPerSecond)}${round.outlier ? " (outlier)" : ""}`,
    );
    lines.push(`  rounds       ${rounds.join(", ")}`);
  }
  if (cell.coldOpsPerSecond !== null)
    lines.push(`  cold         ${formatRate(cell.coldOpsPerSecond)} ops/s in a fresh process`);
  if (latencyUs !== null) {
    const { p50, p75, p99, p999, mean, sd, max, samples } = latencyUs;
    lines.push(
      `  latency µs   p50 ${us(p50)}, p75 ${us(p75)}, p99 ${us(p99)}, p999 ${us(p999)}, max ${us(max)}, mean ${us(mean)} ± ${us(sd)} of ${samples} iterations of ${cell.opsPerIteration} operations`,
    );
  }
  if (bytes !== null) {
    lines.push(
      `  bytes        ${or(bytes.writtenPerOperation)} written an operation (log ${or(bytes.logPerOperation)}), write amplification ${or(bytes.writeAmplification)}, file ${cell.fileBytes ?? "?"}, space amplification ${or(bytes.spaceAmplification)}`,
    );
  }
  if (cell.syncs !== null) lines.push(`  syncs        ${cell.syncs}`);
  if (memory !== null)
    lines.push(
      `  memory       peak ${megabytes(memory.peakBytes)}, ${megabytes(memory.baseBytes)} before the store was opened`,
    );
  if (cpuUs !== null) lines.push(`  cpu          ${us(cpuUs.perOperation)} µs an operation`);
  if (cell.profile !== null) {
    const { slotExtent } = cell.profile;
    lines.push(
      `  slot_extent  ${slotExtent.builds} builds of ${slotExtent.slots} slots, ${us(slotExtent.nsPerOperation)} ns an operation (profiled pass)`,
    );
  }
  for (const { cell: own, baseline, ratio } of ratiosTo(run)) {
    if (own.id !== cell.id) continue;
    lines.push(
      `  ratio        ${ratio.median.toFixed(2)}x [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}] ${baseline.engine}`,
    );
  }
  if (cell.contentHash !== null) lines.push(`  content      sha256 ${cell.contentHash}`);
  return lines.join("\n");
}

function us(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function or(value: number | null): string {
  return value === null ? "?" : value.toPrecision(3);
}

function megabytes(bytes: number | null): string {
  return bytes === null ? "?" : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
