/**
 * The counters that are always on. Plain number fields on one object a group: adding to one costs
 * about a nanosecond, and reading them costs nothing until somebody asks.
 *
 * Units: counts, bytes (names that end in bytes), nanoseconds (names that end in ns). Fields that
 * end in ns stay 0 unless the store was opened with `profile: true` or ESPALIER_PROFILE=1.
 */

export interface AllocatorMetrics {
  /** Packs of a fragmented leaf through the scratch page. */
  compactions: number;
  /** Record bytes that packs moved. */
  bytes_moved: number;
  hole_fits: number;
  tail_fits: number;
  /** Overwrites that reused the record's own extent. */
  in_place_overwrites: number;
  /** Edits that the page could not take, so that a split or a borrow followed. */
  failures: { slot_overflow: number; payload_exhausted: number; page_full: number };
  /** Free-region states built from a leaf's slots, and edits that found one ready. */
  state_builds: number;
  state_reuses: number;
}

export interface SlotExtentMetrics {
  builds: number;
  slots: number;
  ns: number;
}

export interface LeafMetrics {
  splits: number;
  /** Splits of branches, and times that a root's content moved down a level. */
  branch_splits: number;
  root_growths: number;
  merges: number;
  borrows: number;
  /** Stays 0: no edit rebuilds a leaf. */
  rebuilds: number;
  /** Keys copied out of leaves, by reads (ranges, verify) and by edits (splits, merges, borrows). */
  key_decodes: number;
  /** Keys that a search in a leaf compared beyond their heads. */
  key_compares: number;
  memcopy_bytes: number;
}

export interface LogMetrics {
  records: number;
  images: number;
  bytes: number;
  fsyncs: number;
  commits: number;
  /** Commit latencies, filled while profiling: bucket i counts those below 2^i microseconds. */
  commit_latency_us: number[];
}

export interface PagerMetrics {
  hits: number;
  misses: number;
  evictions: number;
  writebacks: number;
  checkpoints: number;
  /** Bytes handed to write() on the data file, zeros that extend it included. */
  bytes_written: number;
  /** Pages copied for snapshots, and pages written to the log before their transaction ended. */
  version_copies: number;
  spills: number;
}

/** The counters since the store was opened, in groups. */
export interface StoreMetrics {
  allocator: AllocatorMetrics;
  slot_extent: SlotExtentMetrics;
  leaf: LeafMetrics;
  log: LogMetrics;
  pager: PagerMetrics;
}

export const COMMIT_LATENCY_BUCKETS = 24;

export function createMetrics(): StoreMetrics {
  return {
    allocator: {
      compactions: 0,
      bytes_moved: 0,
      hole_fits: 0,
      tail_fits: 0,
      in_place_overwrites: 0,
      failures: { slot_overflow: 0, payload_exhausted: 0, page_full: 0 },
      state_builds: 0,
      state_reuses: 0,
    },
    slot_extent: { builds: 0, slots: 0, ns: 0 },
    leaf: {
      splits: 0,
      branch_splits: 0,
      root_growths: 0,
      merges: 0,
      borrows: 0,
      rebuilds: 0,
      key_decodes: 0,
      key_compares: 0,
      memcopy_bytes: 0,
    },
    log: {
      records: 0,
      images: 0,
      bytes: 0,
      fsyncs: 0,
      commits: 0,
      commit_latency_us: new Array<number>(COMMIT_LATENCY_BUCKETS).fill(0),
    },
    pager: {
      hits: 0,
      misses: 0,
      evictions: 0,
      writebacks: 0,
      checkpoints: 0,
      bytes_written: 0,
      version_copies: 0,
      spills: 0,
    },
  };
}
