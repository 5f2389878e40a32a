/**
 * The guards that a switch can break, by rule (docs/invariants.md), and the tests that miss them.
 *
 * An entry: `edits` switch the guard off, each by replacing a text that stands exactly once in its file;
 * `tests` are arguments of vitest, chosen narrow; `env` goes with them.
 */

const CRASH = "test/crash/images.test.ts";

/** A workload of the crash test with more images than the suite takes. */
function crash(workload, images = 250, pageSize = "4096") {
  return {
    tests: [CRASH],
    env: {
      ESPALIER_CRASH_WORKLOAD: workload,
      ESPALIER_CRASH_IMAGES: String(images),
      ESPALIER_CRASH_PAGE_SIZE: pageSize,
    },
  };
}

function guard(rule, name, file, text, instead, tests) {
  const more = Array.isArray(tests) ? { tests } : tests;
  return { rule, name, edits: [{ file, text, instead }], ...more };
}

const REDO_LOG = "src/log/redo-log.ts";
const LOG_READER = "src/log/log-reader.ts";
const LOG_FORMAT = "src/log/log-format.ts";
const CHECKPOINT = "src/log/checkpoint.ts";
const CHECKPOINT_SET = "src/pager/checkpoint-set.ts";
const PAGER = "src/pager/pager.ts";
const BLOCKS = "src/pager/block-store.ts";
const RECOVERY = "src/pager/recovery.ts";
const DATA_FILE = "src/pager/data-file.ts";
const TOUCHED = "src/pager/touched-blocks.ts";
const VERSIONS = "src/pager/versions.ts";
const FREE_SPACE = "src/pager/free-space.ts";
const FREE_LIST = "src/pager/free-list.ts";
const PAGE_SPACE = "src/pager/page-space.ts";
const HEADER = "src/pager/store-header.ts";
const ALLOCATOR = "src/page/leaf-allocator.ts";
const BUILDER = "src/page/leaf-builder.ts";
const OVERFLOW = "src/page/overflow.ts";
const TREE = "src/tree/tree.ts";
const LOCK_FILE = "src/vfs/lock-file.ts";
const DAMAGE = ["test/log/damage.test.ts"];
const HOSTILE = ["test/store/hostile.test.ts"];
const MODEL = ["test/store/model.test.ts"];
const STORIES = ["test/pager/recovery-stories.test.ts"];
const LOST_SYNC = ["test/pager/lost-sync.test.ts"];
const REFUSED = [...LOST_SYNC, "-t", "nothing is taken any more"];
const FULL = ["test/store/disk-full.test.ts"];
const LEAF = ["test/page/leaf-allocator.test.ts"];
const CONTRACT = ["test/store/contract.test.ts"];
const FAULTS = ["test/crash/faults.test.ts"];
const LOCK = ["test/vfs/lock.test.ts"];
const RACES = ["test/vfs/lock-processes.test.ts"];
const MIGRATE = ["test/migrate/crash.test.ts"];
const ORDER = ["test/log/checkpoint-order.test.ts"];
const GROUP = ["test/log/group-commit.test.ts"];
const FORGED = ["test/log/forged.test.ts"];
const FORGED_PAGES = ["test/store/hostile-pages.test.ts"];
const USE = ["test/store/hostile-use.test.ts"];
const PARSERS = ["test/fuzz/parsers.test.ts"];
const PAGE_CHECK = "src/page/page-check.ts";

const log = [
  guard(
    "W1",
    "image at the first touch in each segment",
    TOUCHED,
    "pool.imaged[frame] === generation ?",
    "pool.imaged[frame] !== 0 ?",
    crash("both-segments"),
  ),
  guard(
    "W1",
    "an image that went with its transaction does not count",
    TOUCHED,
    "pool.imaged[frame] = 0;",
    "",
    STORIES,
  ),
  guard(
    "W1",
    "a transaction that changes segments logs its pages again",
    TOUCHED,
    "if (frame >= 0) this.#pool.flags[frame]! |= FRAME_IMAGE;",
    "",
    STORIES,
  ),
  guard(
    "W1",
    "and the pages that it has added",
    PAGE_SPACE,
    "if (this.pageCount > this.#pageCountBefore)\n      this.#taken.push",
    "if (this.pageCount < 0)\n      this.#taken.push",
    ["test/pager/page-space.test.ts"],
  ),
  guard(
    "W2",
    "nothing uncommitted reaches the data file: eviction",
    BLOCKS,
    "if ((flags & FRAME_TX) !== 0) return this.#spill(frame);",
    "",
    crash("large-transactions"),
  ),
  guard(
    "W2",
    "the log is synced before a page is written: eviction",
    BLOCKS,
    "if (this.#log.failure !== undefined) return false;\n      this.#log.sync();",
    "",
    crash("no-durability", 400),
  ),
  guard(
    "W2",
    "the log is synced before a page is written: checkpoint",
    CHECKPOINT_SET,
    "if (pool.changedBy[frame]! > log.durable) log.sync();",
    "",
    crash("no-durability", 400),
  ),
  guard(
    "W2",
    "checksum of a spilled page",
    BLOCKS,
    "if (this.#imageChecksum(offset, spill.front, spill.back) !== spill.checksum)",
    "if (spill.checksum < 0)",
    LOST_SYNC,
  ),
  guard(
    "W3",
    "overflow runs are synced before their commit",
    PAGER,
    "if (this.space.tookRun) this.#syncOverflow();",
    "",
    crash("overflow-values"),
  ),
  guard(
    "W3",
    "older records of a run's pages are revoked",
    PAGE_SPACE,
    "this.#revoked.push(start, whole);",
    "",
    crash("pages-change-hands"),
  ),
  guard(
    "W3",
    "freed pages wait until their commit is durable",
    FREE_SPACE,
    "const limit = Math.min(durable, oldestSnapshot);",
    "const limit = oldestSnapshot;",
    crash("pages-change-hands-none"),
  ),
  guard(
    "W4",
    "checksum of the store's header",
    HEADER,
    "if (readU32(bytes, CRC_AT) !== crc32(bytes.subarray(0, CRC_AT))) return 0;",
    "",
    DAMAGE,
  ),
  guard(
    "W4",
    "data sync before the header of a checkpoint",
    CHECKPOINT,
    "yield* this.#syncData();\n      this.#target.writeHeader();\n      yield* this.#syncData();",
    "this.#target.writeHeader();\n      yield* this.#syncData();",
    ORDER,
  ),
  guard(
    "W4",
    "the header of a checkpoint is synced before the segment is used again",
    CHECKPOINT,
    "this.#target.writeHeader();\n      yield* this.#syncData();",
    "this.#target.writeHeader();",
    ORDER,
  ),
  guard(
    "W4",
    "data sync before the clean header",
    CHECKPOINT_SET,
    "data.sync();\n    this.#writeHeader(true);",
    "this.#writeHeader(true);",
    crash("puts"),
  ),
  guard(
    "W4",
    "the clean header is synced before the log goes",
    CHECKPOINT_SET,
    "this.#writeHeader(true);\n    data.sync();",
    "this.#writeHeader(true);",
    crash("open-and-close"),
  ),
  {
    rule: "W4",
    name: "the header says needs-log before the first commit, or else the log speaks for itself",
    edits: [
      {
        file: PAGER,
        text: "this.data.writeHeader(this.header);\n      this.data.sync();",
        instead: "this.data.writeHeader(this.header);",
      },
      { file: RECOVERY, text: "header.log ??= unknownLog(header, vfs, path);", instead: "" },
    ],
    ...crash("open-and-close"),
  },
  guard(
    "W4",
    "a log that is missing is an error",
    LOG_READER,
    'if (vfs.stat(path)?.kind !== "file") throw',
    'if (vfs.stat(path)?.kind !== "file") return; if (path === "") throw',
    DAMAGE,
  ),
  guard(
    "W4",
    "a foreign log is an error",
    LOG_READER,
    "if (!right) throw new LogMissingError",
    "if (right === undefined) throw new LogMissingError",
    DAMAGE,
  ),
  guard(
    "W4",
    "a clean header beside a newer log is an error",
    RECOVERY,
    "header.log ??= unknownLog(header, vfs, path);",
    "",
    DAMAGE,
  ),
  guard(
    "W5",
    "checksum of a frame",
    LOG_READER,
    "return checksum === window.words[at >> 2] ? at : -1;",
    "return checksum < 0 ? -1 : at;",
    DAMAGE,
  ),
  {
    rule: "W5",
    name: "checksums of frames are chained",
    edits: [
      {
        file: LOG_READER,
        text: "crc32(window.bytes.subarray(at + 4, at + length), chain)",
        instead: "crc32(window.bytes.subarray(at + 4, at + length), chain & 0)",
      },
      {
        file: REDO_LOG,
        text: "crc32(this.records.bytes.subarray(at + 4, this.records.used), this.#chain)",
        instead: "crc32(this.records.bytes.subarray(at + 4, this.records.used), this.#chain & 0)",
      },
    ],
    tests: DAMAGE,
  },
  {
    rule: "W1",
    name: "frames of an earlier use of the segment are known by generation, salt and chain",
    edits: [
      {
        file: LOG_READER,
        text: "if (words[w + 4] !== segment.salt || words[w + 5] !== segment.generation) return false;",
        instead: "",
      },
      {
        file: LOG_READER,
        text: "crc32(window.bytes.subarray(at + 4, at + length), chain)",
        instead: "crc32(window.bytes.subarray(at + 4, at + length), chain & 0)",
      },
      {
        file: REDO_LOG,
        text: "crc32(this.records.bytes.subarray(at + 4, this.records.used), this.#chain)",
        instead: "crc32(this.records.bytes.subarray(at + 4, this.records.used), this.#chain & 0)",
      },
    ],
    tests: ORDER,
  },
  guard(
    "W5",
    "a later frame that claims durability is damage, not a tail",
    LOG_READER,
    "if (durableClaim > this.contents.committed) {",
    "if (durableClaim < 0) {",
    DAMAGE,
  ),
  guard(
    "W5",
    "only a whole frame header claims durability",
    LOG_READER,
    "if (words[w + 1] !== frameHeaderCheck(words, w)) return false;",
    "",
    DAMAGE,
  ),
  guard(
    "W5",
    "checksum of a segment's header",
    LOG_FORMAT,
    "if (readU32(block, SEGMENT_CRC_AT) !== crc32(block.subarray(0, SEGMENT_CRC_AT))) return undefined;",
    "",
    DAMAGE,
  ),
  guard(
    "W5",
    "a segment is synced before the next one is begun",
    REDO_LOG,
    "if (inTransaction) this.records.dropFrame();\n    this.sync();",
    "if (inTransaction) this.records.dropFrame();",
    crash("no-durability", 400),
  ),
  guard(
    "W5",
    "the next generation is on the disk before it is used",
    CHECKPOINT,
    "yield* this.#sync(this.#log.standby.file);",
    "",
    ORDER,
  ),
  guard(
    "W6",
    "no block with an acknowledged frame is written again",
    REDO_LOG,
    "this.durable = number;\n      this.#freshBlock = true;",
    "this.durable = number;",
    crash("puts"),
  ),
  guard(
    "W6",
    "no block that a background sync may have covered is written again",
    REDO_LOG,
    "const writes = this.#writes;\n    this.#freshBlock = true;",
    "const writes = this.#writes;",
    crash("group-commit", 500),
  ),
  guard(
    "W6",
    "recovery makes the frames durable that it applies",
    RECOVERY,
    "if (!pager.readOnly) reader.makeDurable(vfs);",
    "",
    crash("no-durability", 1000),
  ),
  guard(
    "W6",
    "and that by a sync",
    LOG_READER,
    "copy.sync();\n      vfs.rename",
    "vfs.rename",
    crash("puts", 1000),
  ),
  guard(
    "W6",
    "recovery makes the header durable that it rests on",
    RECOVERY,
    "if (!pager.readOnly) pager.data.sync();",
    "",
    STORIES,
  ),
  guard(
    "W6",
    "and so does the first commit after a clean one",
    PAGER,
    "if (this.log.hasRemains()) this.data.sync();",
    "this.log.hasRemains();",
    STORIES,
  ),
  guard(
    "W1",
    "commits that freed pages are durable before the old segment goes",
    CHECKPOINT_SET,
    "if (this.#pager.space.freedBy > this.#pager.log.durable)",
    "if (this.#pager.space.freedBy < 0)",
    STORIES,
  ),
  guard(
    "P3",
    "a transaction that the full disk keeps out of a small segment goes to the larger one",
    "src/log/segment-pacing.ts",
    "if (log.partWritten || log.standby.size <= log.segmentBytes) return false;",
    "if (log.standby !== undefined) return false;",
    ["test/store/disk-full.test.ts"],
  ),
  guard(
    "S1",
    "a commit is synced",
    REDO_LOG,
    "active.write(this.records.bytes, from, end - from, this.#base + from, through);",
    "active.write(this.records.bytes, from, end - from, this.#base + from, false);",
    crash("puts"),
  ),
  guard(
    "S1",
    "a commit is synced after others that were not",
    REDO_LOG,
    "if (!through) active.file.sync();",
    "",
    crash("no-durability", 400),
  ),
  guard(
    "S1",
    "group commits are told when they are durable, not before",
    "src/log/group-commit.ts",
    "if (waiter.commit <= durable) waiter.resolve();",
    "if (durable >= 0) waiter.resolve();",
    GROUP,
  ),
  guard(
    "S1",
    "a failed commit poisons",
    REDO_LOG,
    "this.failure = error;\n      throw this.poisoned();\n    }\n    this.#metrics.bytes",
    "throw error;\n    }\n    this.#metrics.bytes",
    FAULTS,
  ),
  guard(
    "S1",
    "a failed sync of the log poisons",
    REDO_LOG,
    "this.failure = error;\n      throw this.poisoned();\n    }\n    this.#metrics.fsyncs",
    "throw error;\n    }\n    this.#metrics.fsyncs",
    REFUSED,
  ),
  guard("S1", "a failed background sync poisons", REDO_LOG, "this.failure ??= error;", "", REFUSED),
  guard(
    "S1",
    "a failed sync of a checkpoint poisons",
    CHECKPOINT,
    "this.#log.failure ??= error;",
    "",
    FAULTS,
  ),
  guard("S1", "a header that failed poisons", PAGER, "this.log.failure ??= cause;", "", FAULTS),
  guard("S1", "overflow runs whose sync failed poison", PAGER, "this.log.failure ??= error;", "", REFUSED),
  guard(
    "S1",
    "what a failed sync took away is not read",
    DATA_FILE,
    "this.#lost = [...this.#lost, ...this.#underSync, ...this.#unsynced];",
    "",
    FAULTS,
  ),
  guard(
    "S1",
    "close says when commits may not be durable",
    PAGER,
    "} else if (this.log.durable < this.log.committed) throw this.log.poisoned();",
    "}",
    STORIES,
  ),
];

const pages = [
  guard(
    "P1",
    "checksum of a page",
    BLOCKS,
    "if (pool.u32[offset >> 2] !== checksum)",
    "if (checksum < 0)",
    HOSTILE,
  ),
  guard("P1", "number of a page", BLOCKS, "if (number !== page)", "if (number < 0)", HOSTILE),
  guard(
    "P1",
    "structure of a page",
    BLOCKS,
    "if (problem !== undefined) throw",
    "if (problem === null) throw",
    HOSTILE,
  ),
  guard(
    "L4",
    "records lie between fences and tail",
    PAGE_CHECK,
    "if (at < arena || at + length > tail || length === 0)",
    "if (length === 0)",
    PARSERS,
  ),
  guard(
    "L4",
    "keys lie in their records",
    PAGE_CHECK,
    "if (key > length || prefix + suffix > keyMax)",
    "if (key < 0)",
    PARSERS,
  ),
  guard(
    "L6",
    "records and slots do not overlap",
    PAGE_CHECK,
    "if (tail > directory) return",
    "if (tail < 0) return",
    PARSERS,
  ),
  guard(
    "B1",
    "separators lie in their page",
    PAGE_CHECK,
    "if (at < arena || at + length > tail)\n",
    "if (at < 0)\n",
    PARSERS,
  ),
  guard(
    "P2",
    "a snapshot keeps what it sees",
    VERSIONS,
    "return list === undefined || list[list.length - 1]!.replacedBy <= this.newest;",
    "return list === null;",
    CONTRACT,
  ),
  guard(
    "P2",
    "freed pages wait for snapshots",
    FREE_SPACE,
    "const limit = Math.min(durable, oldestSnapshot);",
    "const limit = durable;",
    crash("snapshots"),
  ),
  guard(
    "P2",
    "the header knows the new end before the file has it",
    PAGER,
    "this.checkpointNow();\n    if (this.pageCount === this.header.pageCount)",
    "if (this.pageCount > 0)",
    ORDER,
  ),
  guard(
    "P2",
    "a free list that runs in a circle ends",
    FREE_LIST,
    "if (!chain.add(page, 1)) throw",
    "if (chain.add(page, 1) === undefined) throw",
    FORGED_PAGES,
  ),
  guard(
    "P2",
    "checksum of a page of the free list",
    FREE_LIST,
    "if (words[0] !== pageChecksum(bytes, 0, pageSize, seed)) throw",
    "if (words[0] === undefined) throw",
    FORGED_PAGES,
  ),
  guard(
    "P2",
    "extents of the free list",
    FREE_LIST,
    "if (pages === 0 || start < first || start + pages > pageCount || !extents.add(start, pages)) {",
    "extents.add(start, pages);\n      if (pages < 0) {",
    FORGED_PAGES,
  ),
  guard(
    "P3",
    "space is claimed before it is promised",
    PAGE_SPACE,
    "this.#data.claim(this.pageCount + 1, useReserve);",
    "",
    FULL,
  ),
  guard(
    "P3",
    "deletes have a reserve",
    DATA_FILE,
    "const bytes = useReserve ? wanted : wanted + reserve;",
    "const bytes = wanted;",
    FULL,
  ),
  guard(
    "P3",
    "the store ends at maxBytes",
    DATA_FILE,
    "if (bytes > this.#maxBytes + reserve)",
    "if (bytes < 0)",
    FULL,
  ),
  guard(
    "W2",
    "before-images of changed pages",
    TOUCHED,
    "if (wanted || (pool.flags[frame]! & FRAME_DIRTY) !== 0) {",
    "if (wanted) {",
    MODEL,
  ),
  guard(
    "L1",
    "the capacity test of an insert counts the slot",
    ALLOCATOR,
    "if (record + LEAF_SLOT_BYTES > room) {",
    "if (record > room) {",
    LEAF,
  ),
  guard(
    "L1",
    "the capacity test of an overwrite",
    ALLOCATOR,
    "if (record - old > this.room(offset)) {",
    "if (record < 0) {",
    LEAF,
  ),
  guard(
    "L1",
    "an insert between records needs room for its slot, wherever the record goes",
    ALLOCATOR,
    "if (open < slotBytes) return -1;",
    "",
    LEAF,
  ),
  guard(
    "L1",
    "the capacity test of the builder counts the slot",
    BUILDER,
    "if (start + suffixVarintBytes(suffix) + suffix + (end - source - old) > word << 2) return false;",
    "",
    ["test/tree", "test/store/model.test.ts"],
  ),
  guard(
    "L1",
    "prefixes are cut again where fences change",
    BUILDER,
    "const cut = this.#prefix - prefixLength(pool, offset);",
    "const cut = 0;",
    MODEL,
  ),
  guard(
    "L2",
    "an extent that grows is given up before its record is placed",
    ALLOCATOR,
    "pool.u16[slot + 2] = arenaStart(pool, offset);\n    pool.u16[slot + 3] = 0;",
    "",
    LEAF,
  ),
  guard(
    "L2",
    "regions are looked for again when a range goes",
    ALLOCATOR,
    "if (to - from > 1) this.regions.forget(offset);",
    "",
    LEAF,
  ),
  guard(
    "L2",
    "what is remembered of a page ends with its bytes: rollback",
    TOUCHED,
    "pool.copyFrame(image, frame);\n    pool.renew(frame);",
    "pool.copyFrame(image, frame);",
    [...LEAF, ...MODEL],
  ),
  guard(
    "B1",
    "a tie of heads is decided by whole keys",
    "src/page/branch.ts",
    "(probe === head && !isAbove(pool, offset, base - 3 * middle, key, prefix, length))",
    "probe === head",
    MODEL,
  ),
  guard(
    "B1",
    "an edit beside the last one looks at the fences",
    TREE,
    "if (isBetweenFences(this.#pool, offset, key, keyLength)) {",
    "if (offset >= 0) {",
    MODEL,
  ),
  guard(
    "B4",
    "levels of pages on the way down",
    TREE,
    "level--;\n      if (pool.u8[offset + AT_LEVEL] !== level) throw wrongLevel(this.#pager, page);\n    }\n    this.#leaf = page;",
    "level--;\n    }\n    this.#leaf = page;",
    FORGED_PAGES,
  ),
  guard(
    "B4",
    "references to pages that do not exist",
    BLOCKS,
    "if (block >= this.#firstBlock && page >>> 0 < this.#listener.pageCount && block < 0x7fff_ffff) return;",
    "if (block < 0x1_0000_0000) return;",
    FORGED_PAGES,
  ),
  guard("B3", "checksum of a long value", OVERFLOW, "if (chunk !== wanted)", "if (chunk < 0)", HOSTILE),
  guard(
    "B3",
    "overflow references stay in the file",
    OVERFLOW,
    "if (reference.length > VALUE_BYTES_MAX || reference.page < 1 || end > pager.pageCount) {",
    "if (reference.length < 0) {",
    FORGED_PAGES,
  ),
];

const recovery = [
  guard(
    "W1",
    "an edit in the log needs an image before it",
    RECOVERY,
    "if (!this.#imaged.has(block)) throw",
    "if (block < 0) throw",
    FORGED,
  ),
  guard(
    "W1",
    "records of the log stay in their frame",
    RECOVERY,
    'if (at + length > frame.to) throw this.#fail("is cut off");',
    "",
    FORGED,
  ),
  guard(
    "W1",
    "edits in the log stay in their page",
    RECOVERY,
    "if (to + length > limit || (op === OP_MOVE && second + length > limit))",
    "if (length < 0)",
    FORGED,
  ),
  guard(
    "S4",
    "a read-only store writes nothing",
    RECOVERY,
    "if (!pager.readOnly) pager.writeEverything();",
    "pager.writeEverything();",
    crash("puts"),
  ),
];

const callers = [
  guard(
    "P5",
    "one opener in a thread",
    "src/vfs/lock.ts",
    "if (opening !== undefined && isStillOpen(vfs, opening, store, identity)) {",
    "if (opening === null) {",
    LOCK,
  ),
  guard(
    "P5",
    "the lock of a live process",
    LOCK_FILE,
    "if (!this.#isDead(found.text)) return found;\n    return",
    "return",
    [...LOCK, ...RACES],
  ),
  guard(
    "P5",
    "a claim that comes too late gives way",
    LOCK_FILE,
    'if (typeof found === "string" || found.text.nonce !== step.nonce) {',
    "if (found === undefined) {",
    LOCK,
  ),
  guard(
    "P5",
    "only one's own lock is removed",
    LOCK_FILE,
    'if (typeof found !== "string" && found.text.nonce === nonce) vfs.unlink(lock);',
    'if (typeof found !== "string") vfs.unlink(lock);',
    LOCK,
  ),
  guard("P5", "the text of a lock is synced before it has its name", LOCK_FILE, "file.sync();", "", LOCK),
  guard(
    "S2",
    "transactions do not nest",
    "src/store/engine.ts",
    'if (this.#explicit) throw new TransactionError("a transaction runs already; transactions do not nest");',
    "",
    CONTRACT,
  ),
  guard(
    "S2",
    "transactions are synchronous",
    "src/store/engine.ts",
    "if (isThenable(result)) {",
    "if (result === engineOnly) {".replace("engineOnly", "this"),
    CONTRACT,
  ),
  guard(
    "S2",
    "a batch changes no other store",
    "src/store/store.ts",
    "if (!(tree instanceof TreeHandle && tree.isOf(engine)))",
    "if (tree === null)",
    USE,
  ),
  guard(
    "S2",
    "a transaction of which a part failed is undone",
    "src/store/engine.ts",
    "if (!harmless) this.#doomed ??= error;",
    "",
    USE,
  ),
  guard(
    "S3",
    "encodings are those that the catalogue says",
    "src/store/open.ts",
    "assertEncodings(UNNAMED, record, wantedEncodings(settings));",
    "",
    CONTRACT,
  ),
  guard(
    "S4",
    "a read-only store takes no writes",
    PAGER,
    "if (this.readOnly) throw new ReadOnlyError();",
    "",
    CONTRACT,
  ),
  guard(
    "W4",
    "a new store is synced before it has its name",
    "src/store/create.ts",
    "file.sync();",
    "",
    crash("open-and-close", 500),
  ),
  guard(
    "W4",
    "a copy is synced before it has its name",
    "src/store/backup.ts",
    "file.sync();",
    "",
    crash("backup"),
  ),
  guard(
    "P2",
    "a copy is of one moment",
    "src/store/backup.ts",
    "if (frame >= 0) {",
    "if (frame === undefined) {",
    [...ORDER, "-t", "of one moment"],
  ),
];

const migrator = [
  guard(
    "M3",
    "the journal is synced before the fence",
    "migrate/in-place/fence.ts",
    "const program = writeProgram(file, head, tables, slotBytes, start);\n    file.sync();",
    "const program = writeProgram(file, head, tables, slotBytes, start);",
    MIGRATE,
  ),
  guard(
    "M3",
    "a batch is synced before the slot says so",
    "migrate/in-place/leaf-phase.ts",
    'this.#sync.start(this.#file);\n    this.#state = "data";',
    'this.#state = "data";',
    MIGRATE,
  ),
  guard(
    "M3",
    "the slot is synced before the next batch overwrites its inputs",
    "migrate/in-place/leaf-phase.ts",
    'this.#sync.start(this.#file);\n    this.#state = "slot";',
    'this.#state = "slot";',
    MIGRATE,
  ),
  guard(
    "M3",
    "moved pages are synced before the slot says so",
    "migrate/in-place/move-phase.ts",
    "if (moved > 0) file.sync();",
    "",
    MIGRATE,
  ),
  guard(
    "M3",
    "checksum of a slot",
    "migrate/in-place/slot.ts",
    "if (readU32(bytes, 0) !== crc32(bytes.subarray(4, FIXED_BYTES + length), seedOf(program))) return undefined;",
    "",
    MIGRATE,
  ),
  guard(
    "M3",
    "slots are written in turn",
    "migrate/in-place/slot.ts",
    "program.journalStart + (state.sequence % 2) * program.slotBytes",
    "program.journalStart",
    MIGRATE,
  ),
  guard(
    "M3",
    "branches are synced before the header",
    "migrate/in-place/forward.ts",
    "const freeListHead = this.#freeList();\n    this.#file.sync();",
    "const freeListHead = this.#freeList();",
    MIGRATE,
  ),
  guard(
    "M3",
    "the header is synced before the journal is cut off",
    "migrate/in-place/forward.ts",
    "writeFully(file, block, 0, block.length, copy * BLOCK_BYTES);\n    file.sync();",
    "writeFully(file, block, 0, block.length, copy * BLOCK_BYTES);",
    MIGRATE,
  ),
  guard(
    "M3",
    "the way back: branches are synced before the head",
    "migrate/in-place/back.ts",
    "this.#output.flush();\n    this.#file.sync();\n    return { freeListHead };",
    "this.#output.flush();\n    return { freeListHead };",
    MIGRATE,
  ),
];

export const GUARDS = [...log, ...pages, ...recovery, ...callers, ...migrator];
