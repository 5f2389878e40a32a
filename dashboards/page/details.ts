/** What the drill-down shows of a cell beyond its facts, flat, so that it packs. */

import type { Row, RowValue } from "../data/cells.js";
import { flatCounters } from "../documents/counters.js";
import type { CellRow, RunDocument } from "../documents/matrix-run.js";

/** Prefix of fields that hold counters. */
export const COUNTER = "counter ";

/** One row a cell: everything that was measured of it. */
export function detailRows(run: RunDocument | null): Row[] {
  return (run?.cells ?? []).map((cell) => ({
    cell: cell.id,
    settings: cell.settings,
    reproduce: cell.reproduce,
    contentHash: cell.contentHash,
    ...rateDetails(cell),
    ...latencyDetails(cell),
    ...costDetails(cell),
    ...counterDetails(cell),
  }));
}

function rateDetails({
  opsPerSecond,
  coldOpsPerSecond,
  operations,
  opsPerIteration,
}: CellRow): Record<string, RowValue> {
  return {
    "ops/s": opsPerSecond?.median ?? null,
    "ops/s, low": opsPerSecond?.low ?? null,
    "ops/s, high": opsPerSecond?.high ?? null,
    confidence: opsPerSecond?.confidence ?? null,
    "ops/s, cold": coldOpsPerSecond,
    "operations a round": operations,
    "operations an iteration": opsPerIteration,
  };
}

function latencyDetails({ latencyUs, latencyHistogram }: CellRow): Record<string, RowValue> {
  if (latencyUs === null) return {};
  const { min, p50, p75, p99, p999, max, mean, sd, samples } = latencyUs;
  return {
    "min, µs": min,
    "p50, µs": p50,
    "p75, µs": p75,
    "p99, µs": p99,
    "p999, µs": p999,
    "max, µs": max,
    "mean, µs": mean,
    "standard deviation, µs": sd,
    samples,
    // Two lists in one text: upper bounds, then counts.
    histogram:
      latencyHistogram === null
        ? null
        : `${latencyHistogram.boundsUs.join(",")}|${latencyHistogram.counts.join(",")}`,
  };
}

function costDetails({ bytes, syncs, fileBytes, memory, cpuUs }: CellRow): Record<string, RowValue> {
  return {
    "log bytes an operation": bytes?.logPerOperation ?? null,
    "bytes written an operation": bytes?.writtenPerOperation ?? null,
    "write amplification": bytes?.writeAmplification ?? null,
    "space amplification": bytes?.spaceAmplification ?? null,
    "syncs a round": syncs,
    "file size, bytes": fileBytes,
    "peak memory, bytes": memory?.peakBytes ?? null,
    "processor time an operation, µs": cpuUs?.perOperation ?? null,
  };
}

function counterDetails({ counters, profile, census }: CellRow): Record<string, RowValue> {
  const figures: Record<string, RowValue> = {};
  for (const [name, count] of counters === null ? [] : flatCounters(counters.delta)) {
    if (count !== 0) figures[`${COUNTER}${name}`] = count;
  }
  if (profile !== null && profile.slotExtent.builds > 0) {
    figures["slot extents, ns a build"] = profile.slotExtent.nsPerBuild;
    figures["slot extents, ns a slot"] = profile.slotExtent.nsPerSlot;
    figures["slot extents, ns an operation"] = profile.slotExtent.nsPerOperation;
  }
  for (const { path, guardrail, count } of census?.fired ?? []) {
    figures[`${COUNTER}guardrail ${guardrail} in ${path}`] = count;
  }
  return figures;
}
