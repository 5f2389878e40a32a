/**
 * All metrics of a store, by their Prometheus names: base units, `_total` on counters. The one list that
 * the exporters, the documents, the Grafana dashboard and the alert rules agree on.
 */

import type { StoreMetrics } from "../base/metrics.js";
import type { StoreStats } from "../store/stats.js";

/** What Prometheus calls the kind of a metric. */
export type MetricType = "counter" | "gauge" | "histogram";

/** A value of a metric, with the labels that tell it from its siblings. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Behind the metric's name: `_bucket` and `_count` of a histogram. */
  readonly suffix?: string;
}

/** A metric: its name, what it counts, and how it is read. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  /** For OpenTelemetry; "1" for plain numbers. */
  readonly unit: "1" | "By" | "s";
  readonly help: string;
  /** What to look at when it moves. */
  readonly meaning: string;
  read(source: MetricsSource): Sample[];
}

/** Counters and states of one moment. */
export interface MetricsSource {
  readonly metrics: StoreMetrics;
  readonly stats: StoreStats;
}

type Read = (source: MetricsSource) => number;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

type Define = (
  name: string,
  unit: MetricDefinition["unit"],
  help: string,
  meaning: string,
  read: Read,
) => MetricDefinition;

/** Makes metrics of one value. */
function definer(type: MetricType): Define {
  return (name, unit, help, meaning, read) => ({
    name,
    type,
    unit,
    help,
    meaning,
    read: (source) => [{ labels: {}, value: read(source) }],
  });
}

const counter: Define = definer("counter");
const gauge: Define = definer("gauge");

function byKind(
  name: string,
  help: string,
  meaning: string,
  read: (source: MetricsSource) => Record<string, number>,
): MetricDefinition {
  const samples = (source: MetricsSource): Sample[] =>
    Object.entries(read(source)).map(([kind, value]) => ({ labels: { kind }, value }));
  return { name, type: "counter", unit: "1", help, meaning, read: samples };
}

/** Bucket i of the latencies counts commits below 2^i microseconds; Prometheus wants them cumulated. */
function commitBuckets({ metrics }: MetricsSource): Sample[] {
  const samples: Sample[] = [];
  const counts = metrics.log.commit_latency_us;
  let sum = 0;
  for (let i = 0; i < counts.length - 1; i++) {
    sum += counts[i]!;
    samples.push({ labels: { le: String(2 ** i / MICROSECONDS) }, value: sum, suffix: "_bucket" });
  }
  sum += counts[counts.length - 1] ?? 0;
  samples.push(
    { labels: { le: "+Inf" }, value: sum, suffix: "_bucket" },
    { labels: {}, value: sum, suffix: "_count" },
  );
  return samples;
}

const ALLOCATOR: readonly MetricDefinition[] = [
  byKind(
    "espalier_allocator_fits_total",
    "Records placed in a leaf, by place: its own extent (in_place), a hole, or the open tail.",
    "The mix tells the workload: tail grows with inserts, hole and in_place with overwrites and churn.",
    ({ metrics: { allocator } }) => ({
      in_place: allocator.in_place_overwrites,
      hole: allocator.hole_fits,
      tail: allocator.tail_fits,
    }),
  ),
  byKind(
    "espalier_allocator_failures_total",
    "Edits that a leaf could not take, by reason; a split or a borrow follows each.",
    "Should grow no faster than splits and borrows together. High beside the writes: records are large for the page size.",
    ({ metrics: { allocator } }) => ({ ...allocator.failures }),
  ),
  counter(
    "espalier_allocator_compactions_total",
    "1",
    "Fragmented leaves packed through the scratch page.",
    "Rises with overwrites that grow. More than one in ten edits: values outgrow their places; see inspect.",
    ({ metrics }) => metrics.allocator.compactions,
  ),
  counter(
    "espalier_allocator_moved_bytes_total",
    "By",
    "Record bytes that packs moved.",
    "The cost of the compactions.",
    ({ metrics }) => metrics.allocator.bytes_moved,
  ),
  counter(
    "espalier_allocator_state_builds_total",
    "1",
    "Free-region states built from a leaf's slots.",
    "Compare with the reuses: builds are the first edits of a leaf since it came into the cache.",
    ({ metrics }) => metrics.allocator.state_builds,
  ),
  counter(
    "espalier_allocator_state_reuses_total",
    "1",
    "Edits that found the free-region state ready.",
    "Low beside the builds: the cache is too small for the leaves that are being edited.",
    ({ metrics }) => metrics.allocator.state_reuses,
  ),
  counter(
    "espalier_slot_extent_builds_total",
    "1",
    "Times that the extents of a leaf's slots were sorted to find its free regions.",
    "As the state builds.",
    ({ metrics }) => metrics.slot_extent.builds,
  ),
  counter(
    "espalier_slot_extent_slots_total",
    "1",
    "Slots looked at in these builds.",
    "Divided by the builds: slots a leaf.",
    ({ metrics }) => metrics.slot_extent.slots,
  ),
  counter(
    "espalier_slot_extent_seconds_total",
    "s",
    "Time in these builds; 0 unless the store is opened with profile: true.",
    "Divided by the builds: what one costs.",
    ({ metrics }) => metrics.slot_extent.ns / NANOSECONDS,
  ),
];

const LEAF: readonly MetricDefinition[] = [
  counter(
    "espalier_leaf_rebuilds_total",
    "1",
    "Leaves rebuilt by an edit. No edit does: stays 0.",
    "Anything but 0 is a defect; stop the rollout and report it.",
    ({ metrics }) => metrics.leaf.rebuilds,
  ),
  counter(
    "espalier_leaf_splits_total",
    "1",
    "Leaves split because a record did not fit.",
    "Follows the growth of the data.",
    ({ metrics }) => metrics.leaf.splits,
  ),
  counter(
    "espalier_branch_splits_total",
    "1",
    "Branch pages split.",
    "Follows leaf splits, about one in a hundred.",
    ({ metrics }) => metrics.leaf.branch_splits,
  ),
  counter(
    "espalier_root_growths_total",
    "1",
    "Times that a tree grew by a level.",
    "Once in a few orders of magnitude of data.",
    ({ metrics }) => metrics.leaf.root_growths,
  ),
  counter(
    "espalier_leaf_merges_total",
    "1",
    "Leaves merged with a neighbour.",
    "Follows deletes. Together with splits at a high rate: records come and go at a leaf's limit.",
    ({ metrics }) => metrics.leaf.merges,
  ),
  counter(
    "espalier_leaf_borrows_total",
    "1",
    "Times that a leaf took records from a neighbour.",
    "Follows deletes, and inserts in key order: these fill a leaf's neighbour up before they split it.",
    ({ metrics }) => metrics.leaf.borrows,
  ),
  counter(
    "espalier_leaf_key_decodes_total",
    "1",
    "Keys copied out of leaves: by ranges, verify, splits, merges and borrows.",
    "Follows ranges; each reads a key a record. get, has, put and delete copy none unless a leaf is split or merged.",
    ({ metrics }) => metrics.leaf.key_decodes,
  ),
  counter(
    "espalier_leaf_key_compares_total",
    "1",
    "Keys in leaves compared beyond the four bytes that a search goes by.",
    "Follows reads and writes: about one for each key that is found. Several: keys differ late, behind bytes that a leaf's keys do not all share.",
    ({ metrics }) => metrics.leaf.key_compares,
  ),
  counter(
    "espalier_leaf_copied_bytes_total",
    "By",
    "Bytes copied by packs, splits, merges and borrows.",
    "Per insert it should be far below a page.",
    ({ metrics }) => metrics.leaf.memcopy_bytes,
  ),
];

const LOG: readonly MetricDefinition[] = [
  counter("espalier_commits_total", "1", "Commits.", "The write rate.", ({ metrics }) => metrics.log.commits),
  counter(
    "espalier_log_syncs_total",
    "1",
    "Syncs of the log.",
    "Below the commits: group commit shares syncs. Equal: every commit waits for the disk.",
    ({ metrics }) => metrics.log.fsyncs,
  ),
  counter(
    "espalier_log_records_total",
    "1",
    "Page edits written to the log.",
    "Per commit: how much a transaction changes.",
    ({ metrics }) => metrics.log.records,
  ),
  counter(
    "espalier_log_images_total",
    "1",
    "Whole page images written to the log: first touches since the log segment began.",
    "High beside the records: writes are spread over more leaves than fit a log segment; raise logBytes.",
    ({ metrics }) => metrics.log.images,
  ),
  counter(
    "espalier_log_written_bytes_total",
    "By",
    "Bytes written to the log.",
    "Divided by the bytes put: write amplification of the log.",
    ({ metrics }) => metrics.log.bytes,
  ),
  {
    name: "espalier_commit_duration_seconds",
    type: "histogram",
    unit: "s",
    help: "Time of a commit, sync included; empty unless the store is opened with profile: true.",
    meaning: "The upper buckets are the disk's. A step up without more load: look at the disk first.",
    read: commitBuckets,
  },
];

const PAGER: readonly MetricDefinition[] = [
  counter(
    "espalier_page_hits_total",
    "1",
    "Pages found in the cache.",
    "With the misses: the hit rate.",
    ({ metrics }) => metrics.pager.hits,
  ),
  counter(
    "espalier_page_misses_total",
    "1",
    "Pages read from the file.",
    "A rising rate: the working set outgrows cacheBytes.",
    ({ metrics }) => metrics.pager.misses,
  ),
  counter(
    "espalier_page_evictions_total",
    "1",
    "Pages that made room for others.",
    "Follows the misses once the cache is full.",
    ({ metrics }) => metrics.pager.evictions,
  ),
  counter(
    "espalier_page_writebacks_total",
    "1",
    "Pages written to the data file.",
    "Comes in waves, one a checkpoint.",
    ({ metrics }) => metrics.pager.writebacks,
  ),
  counter(
    "espalier_page_version_copies_total",
    "1",
    "Pages copied because a snapshot was to see their old state.",
    "Rises while a snapshot, iterator or backup is open; steadily: one was forgotten.",
    ({ metrics }) => metrics.pager.version_copies,
  ),
  counter(
    "espalier_page_spills_total",
    "1",
    "Pages written to the log before their transaction ended.",
    "Transactions larger than the cache.",
    ({ metrics }) => metrics.pager.spills,
  ),
  counter(
    "espalier_checkpoints_total",
    "1",
    "Checkpoints completed.",
    "About one for each logBytes of log, and one at close. A log that outgrows logBytes: they fail; see espalier_failed.",
    ({ metrics }) => metrics.pager.checkpoints,
  ),
  counter(
    "espalier_data_written_bytes_total",
    "By",
    "Bytes written to the data file.",
    "With the log's: everything the store writes.",
    ({ metrics }) => metrics.pager.bytes_written,
  ),
];

const STATES: readonly MetricDefinition[] = [
  gauge("espalier_records", "1", "Records of all trees.", "What your application expects.", ({ stats }) =>
    Object.values(stats.trees).reduce((sum, records) => sum + records, stats.records),
  ),
  gauge(
    "espalier_data_bytes",
    "By",
    "Size of the data file.",
    "Growth; plan the disk.",
    ({ stats }) => stats.dataBytes,
  ),
  gauge(
    "espalier_free_bytes",
    "By",
    "Free pages inside the data file.",
    "Above half of the file for long: compact it.",
    ({ stats }) => stats.freePages * stats.pageSize,
  ),
  gauge(
    "espalier_log_used_bytes",
    "By",
    "Bytes of the active log segment in use.",
    "A saw-tooth; what a crash would make the next open replay.",
    ({ stats }) => stats.logUsedBytes,
  ),
  gauge(
    "espalier_snapshots",
    "1",
    "Snapshots, iterators and backups that are open.",
    "Never back at 0: one was forgotten and pins old pages.",
    ({ stats }) => stats.snapshots,
  ),
  gauge(
    "espalier_unsynced_commits",
    "1",
    "Commits that are not durable yet.",
    "0 with durability sync; bounded with group; up to a checkpoint with none.",
    ({ stats }) => stats.committed - stats.durableCommit,
  ),
  gauge(
    "espalier_failed",
    "1",
    "1 where a failure stopped writes or checkpoints, else 0.",
    "1: read stats().failure and the runbook in ROLLOUT.md.",
    ({ stats }) => (stats.failure === undefined ? 0 : 1),
  ),
];

/** Every metric of a store. */
export const METRICS: readonly MetricDefinition[] = [...ALLOCATOR, ...LEAF, ...LOG, ...PAGER, ...STATES];
