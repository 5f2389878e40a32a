/**
 * The way back of a converted file: to the legacy generation that it had, or another, with all data as it is
 * now (M4). In place by the same machine as the conversion, or beside it and renamed.
 */

import { randomFillSync } from "node:crypto";
import { EspalierError } from "../src/base/errors.js";
import { Catalog } from "../src/store/catalog.js";
import { open } from "../src/store/open.js";
import type { VerifyReport } from "../src/store/verify.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { readFully, writeFully } from "../src/vfs/whole-io.js";
import { rewritePath } from "./beside.js";
import type { WorkStep } from "./control.js";
import { combinedDigest } from "./digests.js";
import { sizeLegacy, type TreeToReturn } from "./in-place/back-plan.js";
import { headerSectorOf } from "./in-place/fence.js";
import { type PlannedProgram, prepareBack } from "./in-place/prepare.js";
import { assertBudget, begin, finishBegun } from "./in-place-steps.js";
import { keepPermissions } from "./kept-permissions.js";
import type { LegacyGeneration } from "./legacy/layout.js";
import { encodeMeta, patchMeta } from "./legacy/meta.js";
import {
  decodeLegacyRecord,
  LEGACY_RECORD_NAME,
  type LegacyRecord,
  metaImage,
  newLegacyRecord,
} from "./legacy-record.js";
import { assertNobodyElse } from "./openers.js";
import type { FileOptions } from "./options.js";
import { type FileResult, RefusedError } from "./results.js";
import { removeLeftover } from "./rewrite-steps.js";
import { StorePages } from "./store-pages.js";
import { readCatalog, type StoreCatalog } from "./store-reading.js";
import { verifying } from "./store-verify.js";

const CACHE_BYTES: number = 32 * 1024 * 1024;

/**
 * Brings a store to rest and checks it: recovered, checkpointed, verified, closed. Needs the lock itself, so it
 * is to be called before the migrator takes it. Throws RefusedError, before the check that takes its time, where it
 * is not known what to go back to; CorruptionError, and what open() throws.
 */
export function* settleStore(
  vfs: Vfs,
  path: string,
  options: FileOptions,
): Generator<WorkStep, VerifyReport> {
  const store = open(path, { vfs, createIfMissing: false, cacheBytes: CACHE_BYTES });
  try {
    const catalog = new Catalog(store["engine"]);
    if (catalog.read(LEGACY_RECORD_NAME, -1) === undefined) namedGeneration(options.to);
    return yield* verifying(store["engine"], catalog, "check");
  } finally {
    store.close();
  }
}

/** Plans the way back; changes nothing. Throws RefusedError where it is not possible any more. */
export function* planBack(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  result: FileResult,
): Generator<WorkStep, PlannedProgram> {
  const file = vfs.open(path, "read");
  try {
    const catalog = readCatalog(file, path);
    const record = legacyRecord(catalog, path, options.to);
    const generation = options.to ?? (record.generation === "unknown" ? "gen3" : record.generation);
    const pages = new StorePages(file, catalog.header.pageSize, catalog.header.storeId);
    const trees = treesToReturn(catalog, record, pages);
    const { pageSize, pages: carried = [] } = record;
    const steps = sizeLegacy(pages, catalog.header.pageCount, trees, generation, pageSize, carried);
    const sized = yield* sizing(steps, file.size(), catalog.header.pageSize, generation);
    result.from = "espalier";
    result.to = generation;
    const planned = prepareBack(
      {
        pageSize: catalog.header.pageSize,
        storeId: catalog.header.storeId,
        meta: patchMeta(metaImage(record), {
          nextPage: 1,
          freeListHead: 0,
          lastCheckpointLsn: record.lastLsn,
        }),
      },
      sized,
      {
        fileBytes: file.size(),
        firstSector: headerSectorOf(catalog.header),
        verify: options.verify ?? "full",
        report: {
          recognisedBy: "the store keeps a record of the legacy file that it was",
          logFrames: 0,
          healed: [],
          pagesBefore: catalog.header.pageCount,
        },
      },
    );
    assertKnownGeneration(record, planned, options.to);
    result.extraBytes = planned.extraBytes;
    return planned;
  } finally {
    file.close();
  }
}

/** Files without records are alike in all generations, and so is what a rollback makes of them; others are not. */
function assertKnownGeneration(
  { generation }: LegacyRecord,
  { head }: PlannedProgram,
  to: LegacyGeneration | undefined,
): void {
  if (generation !== "unknown" || to !== undefined || head.trees.every((tree) => tree.records === 0)) return;
  throw new RefusedError(
    "the legacy file held no records, so that its generation is not known; name the one that its program reads with --to",
  );
}

function* sizing<T>(
  steps: Generator<number, T>,
  fileBytes: number,
  pageSize: number,
  generation: LegacyGeneration,
): Generator<WorkStep, T> {
  try {
    for (let told = 0; ; ) {
      const next = steps.next();
      if (next.done === true) return next.value;
      if (next.value - told < 256) continue;
      told = next.value;
      const bytesDone = Math.min(told * pageSize, fileBytes);
      yield { phase: "check", bytesDone, bytesTotal: fileBytes, recordsDone: 0, bytesMoved: 256 * pageSize };
    }
  } catch (error) {
    const code = error instanceof EspalierError ? error.code : "";
    if (
      code === "ERR_ESPALIER_VALUE_TOO_LARGE" ||
      code === "ERR_ESPALIER_KEY_TOO_LARGE" ||
      code === "ERR_ESPALIER_ENCODING"
    ) {
      throw new RefusedError(`a record does not fit a leaf of ${generation}: ${(error as Error).message}`);
    }
    throw error;
  }
}

/** Of a store that never was a legacy file a generation is to be named. Throws RefusedError. */
function namedGeneration(generation: LegacyGeneration | undefined): LegacyGeneration {
  if (generation !== undefined) return generation;
  throw new RefusedError(
    "it never was a legacy file: there is no generation to go back to; name one with --to",
  );
}

/** What the store keeps of the legacy file that it was, or what stands for it. Throws RefusedError. */
function legacyRecord(
  catalog: StoreCatalog,
  path: string,
  generation: LegacyGeneration | undefined,
): LegacyRecord {
  const bytes = catalog.records.get(LEGACY_RECORD_NAME);
  if (bytes !== undefined) return decodeLegacyRecord(bytes, path);
  const named = namedGeneration(generation);
  const { pageSize } = catalog.header;
  const salts = new BigUint64Array(2);
  randomFillSync(salts);
  return newLegacyRecord(named, encodeMeta({ pageSize, salt: salts[0]!, logSalt: salts[1]! }));
}

/** The trees that go back. Throws RefusedError for a tree that a legacy file has no place for. */
function treesToReturn(catalog: StoreCatalog, record: LegacyRecord, pages: StorePages): TreeToReturn[] {
  const trees: TreeToReturn[] = [];
  const known = new Map(record.trees.map((tree) => [tree.name, tree]));
  for (const [name, tree] of catalog.trees) {
    const legacy = known.get(name);
    if (legacy !== undefined) {
      trees.push({ name, storeRoot: tree.root, legacyRoot: legacy.root, metaOffset: legacy.metaOffset });
      known.delete(name);
    } else if (name === "" && isEmpty(pages, tree.root)) {
      // Every store has an unnamed tree; this one was never used.
    } else if (name === "" && record.trees.length === 0) {
      trees.push({ name, storeRoot: tree.root, legacyRoot: 0, metaOffset: null });
    } else {
      const which = name === "" ? "the unnamed tree" : `the tree "${name}"`;
      throw new RefusedError(`${which} was made by espalier, and a legacy file has no place for it`);
    }
  }
  for (const name of known.keys()) {
    throw new RefusedError(`the tree "${name}" was dropped after the migration, and a legacy file needs it`);
  }
  return trees;
}

function isEmpty(pages: StorePages, root: number): boolean {
  const bytes = pages.page(root);
  return bytes[9] === 0 && bytes[10] === 0 && bytes[11] === 0;
}

/** In place. The store is settled and the lock is held; `ready` is called before the first change. */
export function* rollBackInPlace(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  result: FileResult,
  ready: () => void,
): Generator<WorkStep, void> {
  const planned = yield* planBack(vfs, path, options, result);
  result.digest.before = digestOf(planned);
  assertBudget(planned, options);
  ready();
  const file = vfs.open(path, "write");
  try {
    const program = begin(vfs, path, file, planned, options);
    yield* finishBegun(vfs, path, file, program, result);
  } finally {
    file.close();
  }
}

/**
 * Beside it: a copy goes back in place, with all the growth that it needs, and is renamed over the store when it
 * is done. Interrupted, it begins again; the store is as it was until the rename.
 */
export function* rollBackByRewrite(
  vfs: Vfs,
  path: string,
  options: FileOptions,
  result: FileResult,
  ready: () => void,
): Generator<WorkStep, void> {
  const fresh = rewritePath(path);
  const planned = yield* planBack(vfs, path, options, result);
  result.digest.before = digestOf(planned);
  ready();
  let complete = false;
  try {
    yield* copyBeside(vfs, path, fresh);
    const file = vfs.open(fresh, "write");
    try {
      const program = begin(vfs, fresh, file, planned, options);
      yield* finishBegun(vfs, fresh, file, program, result);
    } finally {
      file.close();
    }
    result.extraBytes = planned.extraBytes + planned.head.oldBytes;
    assertNobodyElse(vfs, path, options.assumeClosed === true);
    complete = true;
  } finally {
    if (!complete) removeLeftover(vfs, path);
  }
  vfs.rename(fresh, path);
  vfs.syncFolderOf(path);
}

function digestOf(planned: PlannedProgram): string {
  return combinedDigest(planned.head.trees);
}

const COPY_BYTES: number = 1024 * 1024;

function* copyBeside(vfs: Vfs, path: string, fresh: string): Generator<WorkStep, void> {
  const source = vfs.open(path, "read");
  try {
    const target = vfs.open(fresh, "create", path);
    try {
      keepPermissions(vfs, path, fresh);
      const buffer = new Uint8Array(COPY_BYTES);
      const bytesTotal = source.size();
      for (let at = 0; at < bytesTotal; at += COPY_BYTES) {
        const length = readFully(source, buffer, 0, COPY_BYTES, at);
        writeFully(target, buffer, 0, length, at);
        yield { phase: "convert", bytesDone: at, bytesTotal, recordsDone: 0, bytesMoved: length };
      }
      target.sync();
    } finally {
      target.close();
    }
  } finally {
    source.close();
  }
}
