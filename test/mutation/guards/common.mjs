/**
 * What the tables of guards are made of: short names of the source files, and the tests that fail without a guard.
 *
 * An entry: `edits` switch the guard off, each by replacing a text that stands exactly once in its file;
 * `tests` are arguments of vitest, chosen narrow; `env` goes with them; `endless` says that they never end then.
 */

/** A workload of the crash test with more images than the suite takes. */
export function crash(workload, images = 250, pageSize = "4096") {
  return {
    tests: ["test/crash/images.test.ts"],
    env: {
      ESPALIER_CRASH_WORKLOAD: workload,
      ESPALIER_CRASH_IMAGES: String(images),
      ESPALIER_CRASH_PAGE_SIZE: pageSize,
    },
  };
}

/** Tests that go round for ever, or very long, where the guard is off. */
export function endless(tests) {
  return { tests, endless: true };
}

/** One edit, and tests as a list or as crash() gives them. */
export function guard(rule, name, file, text, instead, tests) {
  const more = Array.isArray(tests) ? { tests } : tests;
  return { rule, name, edits: [{ file, text, instead }], ...more };
}

// ---- source files

export const RECORDS = "src/log/record-buffer.ts";
export const REDO_LOG = "src/log/redo-log.ts";
export const LOG_READER = "src/log/log-reader.ts";
export const LOG_REMAINS = "src/log/log-remains.ts";
export const LOG_FORMAT = "src/log/log-format.ts";
export const PACING = "src/log/segment-pacing.ts";
export const SEGMENT = "src/log/segment.ts";
export const CHECKPOINT = "src/log/checkpoint.ts";
export const CHECKPOINT_SET = "src/pager/checkpoint-set.ts";
export const SESSION_START = "src/pager/session-start.ts";
export const PAGER = "src/pager/pager.ts";
export const BLOCKS = "src/pager/block-store.ts";
export const REVOKED = "src/pager/revoked-pages.ts";
export const EDITS = "src/pager/page-edits.ts";
export const REPLAY = "src/pager/replay.ts";
export const REPLAY_TARGET = "src/pager/replay-target.ts";
export const RECOVERY = "src/pager/recovery.ts";
export const DATA_FILE = "src/pager/data-file.ts";
export const TOUCHED = "src/pager/touched-blocks.ts";
export const VERSIONS = "src/pager/versions.ts";
export const FREE_SPACE = "src/pager/free-space.ts";
export const FREE_LIST = "src/pager/free-list.ts";
export const PAGE_SPACE = "src/pager/page-space.ts";
export const HEADER = "src/pager/store-header.ts";
export const OPENED_HEADER = "src/pager/opened-header.ts";
export const SLAB = "src/pager/slab.ts";
export const POOL = "src/pager/page-pool.ts";
export const ALLOCATOR = "src/page/leaf-allocator.ts";
export const BUILDER = "src/page/leaf-builder.ts";
export const LEAF_READER = "src/page/leaf.ts";
export const OVERFLOW = "src/page/overflow.ts";
export const PAGE_CHECK = "src/page/page-check.ts";
export const TREE = "src/tree/tree.ts";
export const SPLIT = "src/tree/split.ts";
export const REBALANCE = "src/tree/rebalance.ts";
export const LOCK_FILE = "src/vfs/lock-file.ts";
export const LOCKS = "src/vfs/lock.ts";
export const IDENTITY = "src/vfs/process-identity.ts";
export const READ_HEADER = "src/store/read-header.ts";
export const CREATE = "src/store/create.ts";
export const OPEN = "src/store/open.ts";
export const BACKUP = "src/store/backup.ts";
export const READER = "src/store/reader.ts";
export const HANDLE = "src/store/tree-handle.ts";
export const KEY_CODEC = "src/store/key-codec.ts";
export const RANGE = "src/store/range.ts";
export const ENGINE = "src/store/engine.ts";
export const STORE = "src/store/store.ts";
export const VALUE_CODEC = "src/store/value-codec.ts";
export const SNAPSHOT = "src/store/snapshot.ts";
export const EVENTS = "src/base/events.ts";
export const STEPS = "migrate/in-place-steps.ts";
export const FILE_JOB = "migrate/file-job.ts";
export const OPENERS = "migrate/openers.ts";
export const FORWARD = "migrate/in-place/forward.ts";
export const BACK = "migrate/in-place/back.ts";
export const LEAF_PHASE = "migrate/in-place/leaf-phase.ts";
export const FENCE = "migrate/in-place/fence.ts";
export const PROGRAM = "migrate/in-place/program.ts";
export const LAYOUT = "migrate/in-place/layout.ts";

// ---- tests

export const DAMAGE = ["test/log/damage.test.ts"];
export const FORGED = ["test/log/forged.test.ts"];
export const GROUP = ["test/log/group-commit.test.ts"];
export const ORDER = ["test/log/checkpoint-order.test.ts"];
export const LOST_HEADER = ["test/log/lost-header.test.ts"];
export const PACED = ["test/log/segment-pacing.test.ts"];
export const SPLITS = ["test/pager/split-record.test.ts"];
export const SLOTS = ["test/log/slot-records.test.ts"];
export const WRITTEN_LOG = ["test/log/redo-log.test.ts"];
export const STORIES = ["test/pager/recovery-stories.test.ts"];
export const LOST_SYNC = ["test/pager/lost-sync.test.ts"];
export const REFUSED = [...LOST_SYNC, "-t", "nothing is taken any more"];
export const FAILED_CHECKPOINT = [...LOST_SYNC, "-t", "after any failed sync of a checkpoint"];
export const READ_AFTER = ["test/pager/data-file.test.ts"];
export const NOTHING_TO_CHANGE = ["test/store/nothing-to-change.test.ts"];
export const FAULTS = ["test/crash/faults.test.ts"];
export const FULL = ["test/store/disk-full.test.ts"];
export const HOSTILE = ["test/store/hostile.test.ts"];
export const HOSTILE_PAGES = ["test/store/hostile-pages.test.ts"];
export const FORGED_PAGES = ["test/store/hostile-pages.test.ts"];
export const TUPLES = ["test/store/tuples.test.ts"];
export const USE = ["test/store/hostile-use.test.ts"];
export const MODEL = ["test/store/model.test.ts"];
export const COPIES = ["test/store/backup.test.ts"];
export const NEIGHBOURS = ["test/store/neighbours.test.ts"];
export const CONTRACT = ["test/store/contract.test.ts"];
export const TREES = ["test/tree"];
export const PERMISSIONS = ["test/store/permissions.test.ts"];
export const OTHER_NAMES = ["test/migrate/other-names.test.ts"];
export const OPENED_ELSEWHERE = ["test/migrate/openers.test.ts"];
export const WRITE_AHEAD = ["test/pager/write-ahead.test.ts"];
export const LATE_FREE_LIST = ["test/pager/late-free-list.test.ts"];
export const SCATTERED = ["test/pager/scattered-free-list.test.ts"];
export const OLDER_HEADER = ["test/pager/older-header.test.ts"];
export const MOVED_CATALOG = ["test/store/moved-catalog.test.ts"];
export const SPILLS = ["test/pager/spilled-pages.test.ts"];
export const LEAF = ["test/page/leaf-allocator.test.ts"];
export const PAGE_CHECKS = ["test/page/page-check.test.ts"];
export const BUILT = ["test/page/leaf-builder.test.ts"];
export const OPENING = ["test/store/opening.test.ts"];
export const PARSERS = ["test/fuzz/parsers.test.ts"];
export const LOCK = ["test/vfs/lock.test.ts", "test/vfs/lock-takeover.test.ts"];
export const RACES = ["test/vfs/lock-processes.test.ts"];
export const MIGRATE = ["test/migrate/crash.test.ts"];
export const SHAPES = ["test/migrate/shapes.test.ts"];
export const REAL_FILES = ["test/migrate/real-files.test.ts"];
export const OTHER_VERSIONS = ["test/store/header-versions.test.ts"];
export const MEANWHILE = ["test/store/upkeep-meanwhile.test.ts"];
export const SPILL_WITHOUT_ROOM = ["test/pager/spill-without-room.test.ts"];
export const CHECKED_PAGES = ["test/pager/checked-pages.test.ts"];
export const SNAPSHOT_ENDS = ["test/store/snapshot-ends-in-transaction.test.ts"];
export const KEY_CODECS = ["test/store/key-codec.test.ts"];
export const UNDONE_TREES = ["test/store/trees-undone.test.ts"];
export const OLD_VERSIONS = ["test/pager/versions.test.ts"];
export const LET_GO = ["test/store/let-go.test.ts"];
export const SNAPSHOT_RANGES = ["test/store/snapshot-ranges.test.ts"];
export const SUBSCRIBERS = ["test/store/events.test.ts"];
export const ODD_BYTES = ["test/store/odd-bytes.test.ts"];
export const VIEWS = ["test/store/views.test.ts"];
export const LONG_TEXTS = ["test/store/value-codec.test.ts"];
export const SURROUNDINGS = ["test/migrate/surroundings.test.ts"];
export const DUMPS = ["test/commands/dump-load.test.ts"];
export const SALVAGED = ["test/commands/salvage.test.ts"];
export const LEVEL_DAMAGE = ["test/level/damaged-database.test.ts"];
export const COMPARED = ["test/migrate/compared.test.ts"];
export const HALF_SALVAGE = ["test/migrate/half-salvage.test.ts"];
export const LOST_LOG = ["test/migrate/lost-log.test.ts"];
export const LEFTOVER = ["test/migrate/leftover.test.ts"];
export const REPLACED = ["test/migrate/replaced.test.ts"];
export const TORN_FENCE = ["test/migrate/torn-fence.test.ts"];
export const OTHER_FILE_SYSTEM = ["test/migrate/other-file-system.test.ts"];
export const JOURNAL = ["test/migrate/journal.test.ts"];
export const BACK_AGAIN = ["test/migrate/there-and-back.test.ts"];
export const LEGACY_DAMAGE = ["test/migrate/legacy/damage.test.ts"];
export const HEAL = ["test/migrate/legacy/heal.test.ts"];
