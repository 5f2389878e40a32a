/**
 * Gets of random records of a file that is much larger than the cache, beside the page reads that they need:
 * pages read a get times what one read of a random page of the same file costs.
 */

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { openEspalier } from "../../engines/espalier.js";
import { seededRandom } from "../../stats/random.js";
import type { Key } from "../../streams/shapes.js";
import { loadedContent } from "../dataset.js";
import { collectGarbage, numberOption, type Runner, type TaskContext } from "./task.js";

const PAGE = 4096;

export async function cold({ bed, options }: TaskContext): Promise<Runner> {
  const operations = numberOption(options, "operations");
  const cacheBytes = numberOption(options, "cacheBytes");
  const folder = await bed.copyOfLoaded();
  const { shape } = bed.spec;
  const measure = (label: string): Record<string, number> => {
    const store = openEspalier({ folder, shape, profile: false, cacheBytes }, "sync");
    const keys = bed.keysOf(bed.data.draw(operations, label));
    const warm = bed.keysOf(bed.data.draw(operations, `${label} before`));
    for (const key of warm) store.get(key);
    const before = store.metrics().pager.misses;
    collectGarbage();
    const getUs = timeUs(keys, (key) => {
      if (store.get(key) === undefined) throw new Error("a get found nothing");
    });
    const pages = (store.metrics().pager.misses - before) / operations;
    store.close();
    const readUs = pageReadUs(join(folder, "data.esp"), operations, label);
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
