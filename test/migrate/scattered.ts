/** Legacy files as a long life leaves them: leaves in no order on the disk, free pages in between, a log. */

import type { LegacyGeneration } from "../../migrate/legacy/layout.js";
import { encodeMeta, patchMeta } from "../../migrate/legacy/meta.js";
import { PageSeal } from "../../migrate/legacy/page-check.js";
import { batchesOf } from "../../migrate/legacy/record-batch.js";
import { BulkWriter } from "../../migrate/legacy/writer-bulk.js";
import { planBulk } from "../../migrate/legacy/writer-plan.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { digestOf, LOG_SALT, logFile, type PlainRecord, put, SALT, seededRandom } from "./legacy/support.js";

export interface Scattered {
  readonly generation: LegacyGeneration;
  readonly pageSize: number;
  readonly records: readonly PlainRecord[];
  readonly seed: number;
  /** Pages that hold nothing, anywhere in the file. */
  readonly freePages?: number;
  /** Every so manieth page comes from the log; 0: there is none. */
  readonly inLog?: number;
}

export interface ScatteredFile {
  readonly vfs: MemoryVfs;
  readonly root: number;
  readonly digest: string;
}

/** The file is /file.db. */
export function scatteredFile(options: Scattered): ScatteredFile {
  const { generation, pageSize, records, seed, freePages = 0, inLog = 0 } = options;
  const random = seededRandom(seed);
  const plan = planBulk(generation, pageSize, batchesOf(records));
  const numbers = Array.from({ length: plan.pages + freePages }, (_, index) => index + 1);
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  const starts: number[] = [];
  let pages = 0;
  for (const level of plan.levels) {
    starts.push(pages);
    pages += level.length;
  }
  const file = new Uint8Array((numbers.length + 1) * pageSize);
  const frames: { lsn: number; page: number; image: Uint8Array }[] = [];
  const seal = new PageSeal(pageSize, SALT);
  let written = 0;
  const writer = new BulkWriter(
    plan,
    seal,
    (level, index) => numbers[starts[level]! + index]!,
    (page, image) => {
      if (inLog > 0 && written++ % inLog === 0) frames.push({ lsn: 5, page, image: image.slice() });
      else file.set(image, page * pageSize);
    },
  );
  for (const batch of batchesOf(records)) writer.add(batch);
  writer.finish();
  const meta = encodeMeta({ pageSize, salt: SALT, logSalt: LOG_SALT });
  file.set(patchMeta(meta, { nextPage: numbers.length + 1, freeListHead: 0 }));
  const vfs = new MemoryVfs();
  put(vfs, "/file.db", file);
  if (inLog > 0) put(vfs, "/file.db-wal", logFile(pageSize, 0, frames));
  return { vfs, root: writer.root, digest: digestOf(records) };
}

/** Records with keys of several lengths; values up to `valueMax` bytes. */
export function variedRecords(count: number, valueMax: number, seed: number): PlainRecord[] {
  const random = seededRandom(seed);
  const records: PlainRecord[] = [];
  for (let i = 0; i < count; i++) {
    const tail = "x".repeat(Math.floor(random() * 12));
    const key = Buffer.from(`key-${String(i).padStart(6, "0")}-${tail}`);
    const value = Buffer.alloc(Math.floor(random() * (valueMax + 1)), i % 251);
    records.push({ key, value });
  }
  return records;
}
