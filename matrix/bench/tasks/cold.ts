/**
 * Gets of random records that lie on disk, beside the page reads that they need: pages read a get times what one
 * read of a random page of the same file costs. Mode `dropped` makes the system forget the file beforehand, so
 * that the reads go to the disk; in mode `cached` the file is only larger than the store's own cache.
 */

import { spawnSync } from "node:child_process";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { type MatrixStore, openEspalier } from "../../engines/espalier.js";
import { collectYoung } from "../../runner/timing.js";
import { seededRandom } from "../../stats/random.js";
import type { Key } from "../../streams/shapes.js";
import { loadedContent } from "../dataset.js";
import { numberOption, type Runner, type TaskContext } from "./task.js";

const PAGE = 4096;
/** Gets from the disk itself: enough for a median, few enough for a slow disk. */
const DROPPED_OPERATIONS_MAX = 2000;

export async function cold({ bed, mode, options }: TaskContext): Promise<Runner> {
  const dropped = mode === "dropped";
  const wanted = numberOption(options, "operations");
  const operations = dropped ? Math.min(wanted, DROPPED_OPERATIONS_MAX) : wanted;
  const cacheBytes = numberOption(options, "cacheBytes");
  const folder = await bed.copyOfLoaded();
  const file = join(folder, "data.esp");
  const open = (): MatrixStore =>
    openEspalier({ folder, shape: bed.spec.shape, profile: false, cacheBytes }, "sync");
  const keysOf = (label: string): Key[] => bed.keysOf(bed.data.draw(operations, label));

  const measure = (label: string): Record<string, number> => {
    // Compiles the code on other records, and fills the cache where it is to be full.
    let store = open();
    for (const key of keysOf(`${label} before`)) store.get(key);
    const keys = keysOf(label);
    if (dropped) {
      store.close();
      forget(file);
      store = open();
    }
    collectYoung();
    const before = store.metrics().pager.misses;
    const getUs = timeUs(keys, (key) => {
      if (store.get(key) === undefined) throw new Error("a get found nothing");
    });
    const pages = (store.metrics().pager.misses - before) / operations;
    store.close();
    if (dropped) forget(file);
    const readUs = pageReadUs(file, operations, label);
    const figures = { get: getUs, "pages read": pages, "page read": readUs };
    // A store that fits in the cache needs no reads, and its gets have nothing to be compared with.
    return pages === 0 ? figures : { ...figures, cost: getUs / (pages * readUs) };
  };
  measure("warm");
  return {
    round: async (number) => ({ values: measure(`round ${number}`) }),
    finish: () => bed.prove(folder, loadedContent(bed.data)),
  };
}

/** Makes the system drop what it holds of a file, without rights and for this file only. Throws where it can't. */
function forget(file: string): void {
  const { status, error, stderr } = spawnSync("dd", [`if=${file}`, "iflag=nocache", "count=0"], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`dd cannot drop a file from the page cache: ${error?.message ?? stderr}`);
}

function timeUs(keys: readonly Key[], work: (key: Key) => void): number {
  const started = performance.now();
  for (const key of keys) work(key);
  return ((performance.now() - started) * 1000) / keys.length;
}

function pageReadUs(path: string, reads: number, label: string): number {
  const random = seededRandom(1, label);
  const pages = Math.floor(statSync(path).size / PAGE);
  const positions = Array.from({ length: reads }, () => random.below(pages) * PAGE);
  const buffer = Buffer.alloc(PAGE);
  const file = openSync(path, "r");
  const started = performance.now();
  for (const position of positions) readSync(file, buffer, 0, PAGE, position);
  const taken = performance.now() - started;
  closeSync(file);
  return (taken * 1000) / reads;
}
