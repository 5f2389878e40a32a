/**
 * Writes a whole legacy file: meta page, one tree, nothing else (no free list, no log).
 */

import { OptionError } from "../../src/base/errors.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { type LegacyGeneration, pageSizeFault } from "./layout.js";
import type { RecordBatch } from "./leaf.js";
import { decodeMeta, encodeMeta, META_ROOT_FIELDS, patchMeta } from "./meta.js";
import { PageSeal } from "./page-check.js";
import { BulkWriter, type PageAllocator } from "./writer-bulk.js";
import { type BulkPlan, planBulk } from "./writer-plan.js";

export interface WriteLegacyOptions {
  readonly generation: LegacyGeneration;
  /** 8192 by default. */
  readonly pageSize?: number;
  /** The records in ascending order of keys; called twice and must give the same both times. */
  readonly batches: () => Iterable<RecordBatch>;
  /** Where the root goes; by default behind all other pages. */
  readonly root?: number;
  /** The meta field to name the root in (META_ROOT_FIELDS), as graph files do; none by default. */
  readonly rootField?: string;
  readonly salt?: bigint;
  readonly logSalt?: bigint;
  /** The meta page to start from, so that all its other fields come back; overrides the salts. */
  readonly meta?: Uint8Array;
}

export interface WrittenLegacy {
  readonly plan: BulkPlan;
  readonly root: number;
  /** Pages in the file, the meta page included. */
  readonly pages: number;
}

const WRITE_BYTES: number = 1024 * 1024;

/**
 * Page numbers for a fresh file: leaves first, then level by level, from page 1 on; a root with a place of its
 * own is stepped over by the others.
 */
export function sequentialPages(plan: BulkPlan, root?: number): PageAllocator {
  const first: number[] = [];
  let next = 1;
  for (const level of plan.levels) {
    first.push(next);
    next += level.length;
  }
  const top = plan.levels.length - 1;
  if (root === undefined) return (level, index) => first[level]! + index;
  return (level, index) => {
    if (level === top) return root;
    const page = first[level]! + index;
    return page < root ? page : page + 1;
  };
}

/**
 * Creates `path`, which must not exist, and syncs it. Reads the records twice: once to plan, once to write.
 * Throws what planBulk throws before anything is created, IoError and DiskFullError.
 */
export function writeLegacyFile(vfs: Vfs, path: string, options: WriteLegacyOptions): WrittenLegacy {
  const pageSize = options.pageSize ?? 8192;
  const fault = pageSizeFault(pageSize);
  if (fault !== undefined) throw new OptionError("pageSize", fault);
  const field = META_ROOT_FIELDS.find((each) => each.name === options.rootField);
  if (options.rootField !== undefined && field === undefined) {
    throw new OptionError("rootField", `${options.rootField} is no field of the meta page`);
  }
  const plan = planBulk(options.generation, pageSize, options.batches());
  const base = options.meta ?? newMeta(pageSize, options);
  const meta = decodeMeta(base, path);
  const allocate = sequentialPages(plan, options.root);

  const file = vfs.open(path, "create");
  try {
    const out = new RunWriter(file, pageSize);
    const seal = new PageSeal(pageSize, meta.salt);
    const writer = new BulkWriter(plan, seal, allocate, (page, bytes) => out.write(page, bytes));
    for (const batch of options.batches()) writer.add(batch);
    writer.finish();
    const root = writer.root;
    const pages = Math.max(plan.pages, root) + 1;
    const roots = field === undefined ? [] : [{ offset: field.offset, page: root }];
    out.write(0, patchMeta(base, { nextPage: pages, freeListHead: 0, roots }));
    out.flush();
    file.sync();
    return { plan, root, pages };
  } finally {
    file.close();
  }
}

function newMeta(pageSize: number, options: WriteLegacyOptions): Uint8Array {
  return encodeMeta({
    pageSize,
    salt: options.salt ?? randomSalt(),
    logSalt: options.logSalt ?? randomSalt(),
  });
}

function randomSalt(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}

/** Gathers pages that follow each other into large writes. */
class RunWriter {
  readonly #file: VfsFile;
  readonly #pageSize: number;
  readonly #run: Uint8Array;
  #first = 0;
  #bytes = 0;

  constructor(file: VfsFile, pageSize: number) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#run = new Uint8Array(Math.max(1, Math.floor(WRITE_BYTES / pageSize)) * pageSize);
  }

  write(page: number, bytes: Uint8Array): void {
    const follows = page === this.#first + this.#bytes / this.#pageSize;
    if (!follows || this.#bytes === this.#run.length) {
      this.flush();
      this.#first = page;
    }
    this.#run.set(bytes, this.#bytes);
    this.#bytes += this.#pageSize;
  }

  flush(): void {
    writeFully(this.#file, this.#run, 0, this.#bytes, this.#first * this.#pageSize);
    this.#bytes = 0;
  }
}
