/** A run as CSV: one row a cell, one column a figure, nested names joined with underscores. */

import { stringify } from "csv-stringify/sync";
import { counterAt } from "../results/counters.js";
import type { CellRow, RunDocument } from "../results/document.js";

type Column = readonly [name: string, value: (cell: CellRow, run: RunDocument) => string | number | null];

const COUNTERS: readonly string[] = [
  "allocator.compactions",
  "allocator.bytes_moved",
  "allocator.hole_fits",
  "allocator.tail_fits",
  "allocator.in_place_overwrites",
  "allocator.failures.slot_overflow",
  "allocator.failures.payload_exhausted",
  "allocator.failures.page_full",
  "allocator.state_builds",
  "allocator.state_reuses",
  "slot_extent.builds",
  "slot_extent.slots",
  "leaf.splits",
  "leaf.merges",
  "leaf.borrows",
  "leaf.rebuilds",
  "log.records",
  "log.images",
  "log.bytes",
  "log.fsyncs",
  "log.commits",
  "pager.hits",
  "pager.misses",
  "pager.evictions",
  "pager.writebacks",
  "pager.checkpoints",
];

const COLUMNS: readonly Column[] = [
  ["run", (_cell, { run }) => run.id],
  ["cell", ({ id }) => id],
  ["workload", ({ workload }) => workload],
  ["shape", ({ shape }) => shape],
  ["records", ({ records }) => records],
  ["order", ({ order }) => order],
  ["commit_every", ({ commitEvery }) => commitEvery],
  ["engine", ({ engine }) => engine],
  ["durability", ({ durability }) => durability],
  ["status", ({ status }) => status],
  ["reason", ({ reason }) => reason],
  ["operations", ({ operations }) => operations],
  ["rounds", ({ opsPerSecond }) => opsPerSecond?.n ?? null],
  ["ops_per_second", ({ opsPerSecond }) => opsPerSecond?.median ?? null],
  ["ops_per_second_low", ({ opsPerSecond }) => opsPerSecond?.low ?? null],
  ["ops_per_second_high", ({ opsPerSecond }) => opsPerSecond?.high ?? null],
  ["cold_ops_per_second", ({ coldOpsPerSecond }) => coldOpsPerSecond],
  ["ops_per_iteration", ({ opsPerIteration }) => opsPerIteration],
  ["latency_p50_us", ({ latencyUs }) => latencyUs?.p50 ?? null],
  ["latency_p75_us", ({ latencyUs }) => latencyUs?.p75 ?? null],
  ["latency_p99_us", ({ latencyUs }) => latencyUs?.p99 ?? null],
  ["latency_p999_us", ({ latencyUs }) => latencyUs?.p999 ?? null],
  ["latency_mean_us", ({ latencyUs }) => latencyUs?.mean ?? null],
  ["latency_sd_us", ({ latencyUs }) => latencyUs?.sd ?? null],
  ["latency_max_us", ({ latencyUs }) => latencyUs?.max ?? null],
  ["bytes_passed_to_write", ({ bytes }) => bytes?.passedToWrite ?? null],
  ["bytes_reached_storage", ({ bytes }) => bytes?.reachedStorage ?? null],
  ["written_bytes_per_operation", ({ bytes }) => bytes?.writtenPerOperation ?? null],
  ["log_bytes_per_operation", ({ bytes }) => bytes?.logPerOperation ?? null],
  ["write_amplification", ({ bytes }) => bytes?.writeAmplification ?? null],
  ["space_amplification", ({ bytes }) => bytes?.spaceAmplification ?? null],
  ["syncs", ({ syncs }) => syncs],
  ["file_bytes", ({ fileBytes }) => fileBytes],
  ["memory_peak_bytes", ({ memory }) => memory?.peakBytes ?? null],
  ["memory_base_bytes", ({ memory }) => memory?.baseBytes ?? null],
  ["cpu_user_us", ({ cpuUs }) => cpuUs?.user ?? null],
  ["cpu_system_us", ({ cpuUs }) => cpuUs?.system ?? null],
  ["cpu_us_per_operation", ({ cpuUs }) => cpuUs?.perOperation ?? null],
  ["slot_extent_ns_per_operation", ({ profile }) => profile?.slotExtent.nsPerOperation ?? null],
  ...COUNTERS.map(
    (path): Column => [
      path.replaceAll(".", "_"),
      ({ counters }) => (counters === null ? null : counterAt(counters.delta, path)),
    ],
  ),
  ["content_hash", ({ contentHash }) => contentHash],
  ["settings", ({ settings }) => settings],
  ["reproduce", ({ reproduce }) => reproduce],
];

/** The run as CSV text with a header line. A text that a spreadsheet would take for a formula begins with an apostrophe. */
export function toCsv(run: RunDocument): string {
  const header = COLUMNS.map(([name]) => name);
  const rows = run.cells.map((cell) => COLUMNS.map(([, value]) => value(cell, run) ?? ""));
  return stringify([header, ...rows], { escape_formulas: true });
}
