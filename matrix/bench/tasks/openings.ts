/**
 * Opening a store and answering one get: after a clean close (mode `clean`), or as a crash leaves it with its
 * log as full as asked for (mode `crashed`, espalier only).
 */

import { cpSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type MatrixStore, openEspalier } from "../../engines/espalier.js";
import { median } from "../../stats/summary.js";
import type { Key } from "../../streams/shapes.js";
import type { Bed } from "../bed.js";
import { type Content, loadedContent } from "../dataset.js";
import { numberOption, type Runner, type TaskContext } from "./task.js";

const OPENINGS = 5;
const MIB = 2 ** 20;
const COMMIT_EVERY = 1000;

export async function openings(context: TaskContext): Promise<Runner> {
  return context.mode === "crashed" ? crashed(context) : clean(context);
}

async function clean({ bed }: TaskContext): Promise<Runner> {
  const folder = await bed.copyOfLoaded();
  const [key] = bed.keysOf(bed.data.loaded.slice(0, 1)) as [Key];
  return {
    async round() {
      const ms: number[] = [];
      for (let i = 0; i < OPENINGS; i++) {
        const started = performance.now();
        const store = await bed.open(folder);
        const value = store.get(key);
        ms.push(performance.now() - started);
        await store.close();
        if (value === undefined || value === null) throw new Error("an opening lost a record");
      }
      return { values: { "open and get": median(ms), "MiB of files": folderBytes(folder) / MIB } };
    },
    finish: () => bed.prove(folder, loadedContent(bed.data)),
  };
}

async function crashed({ bed, options }: TaskContext): Promise<Runner> {
  const wanted = numberOption(options, "logMiB") * MIB;
  let last: { folder: string; content: Content } | null = null;
  return {
    async round(round) {
      if (last !== null) bed.discard(last.folder);
      const content = loadedContent(bed.data);
      const folder = await bed.copyOfLoaded();
      const live = openOwn(bed, folder);
      const logBytes = fillLog(bed, live, content, wanted, round);
      const image = bed.emptyFolder();
      copyWithoutLock(folder, image);
      live.close();
      bed.discard(folder);
      const started = performance.now();
      const recovered = openOwn(bed, image);
      const seconds = (performance.now() - started) / 1000;
      recovered.close();
      last = { folder: image, content };
      return { values: { recovery: logBytes / 1e6 / seconds, "MB of log": logBytes / 1e6 } };
    },
    async finish() {
      return last === null ? null : bed.prove(last.folder, last.content);
    },
  };
}

function openOwn(bed: Bed, folder: string): MatrixStore {
  const { shape } = bed.spec;
  return openEspalier({ folder, shape, profile: false, cacheBytes: bed.cacheBytes }, "sync");
}

/**
 * Overwrites records until the active segment holds as much as wanted and no checkpoint of the other one is
 * under way: what a recovery then has to replay. Returns its bytes.
 */
function fillLog(bed: Bed, store: MatrixStore, content: Content, wanted: number, round: number): number {
  for (let turn = 0; ; turn++) {
    const { logUsedBytes, checkpointRunning } = store.stats();
    if (logUsedBytes >= wanted && !checkpointRunning) return logUsedBytes;
    const ranks = bed.data.draw(COMMIT_EVERY, `log ${round} ${turn}`);
    const version = 2 + (turn % 2);
    const keys = bed.keysOf(ranks);
    store.transaction(() => {
      for (let i = 0; i < ranks.length; i++) {
        store.put(keys[i] as Key, bed.data.valueOf(ranks[i] as number, version));
      }
    });
    for (const rank of ranks) content[rank] = version;
  }
}

function copyWithoutLock(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  cpSync(from, to, { recursive: true, filter: (source) => !/lock/.test(basename(source)) });
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}
