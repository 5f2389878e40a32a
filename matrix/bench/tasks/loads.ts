/**
 * Loading a whole bed into a new store. Mode-free; `order` random commits every `commitEvery` records and
 * tells what was written for a record; sequential hands sorted records over in bulk.
 */

import type { EngineStore } from "../../engines/engine.js";
import { counterAt } from "../../results/counters.js";
import { writtenBytes } from "../../runner/process-figures.js";
import { collectYoung } from "../../runner/timing.js";
import type { Bed } from "../bed.js";
import { type Content, loadedContent } from "../dataset.js";
import { numberOption, type Runner, sum, type TaskContext, timeEach } from "./task.js";
import { commits, type Phase, type WriteShape, warmUp } from "./writes.js";

export async function loads({ bed, options, warm }: TaskContext): Promise<Runner> {
  const commitEvery = numberOption(options, "commitEvery");
  const sequential = options["order"] === "sequential";
  const shape: WriteShape = { commitEvery, group: sequential ? commitEvery : 0 };
  const more = sequential ? 0 : numberOption(options, "operations");
  let awaited = false;
  if (warm) awaited = await warmUp(bed, { commitEvery: Math.min(commitEvery, 1000), group: 0 });
  let last: { folder: string; content: Content } | null = null;
  return {
    async round() {
      if (last !== null) bed.discard(last.folder);
      const folder = bed.emptyFolder();
      const store = await bed.open(folder);
      const ranks = sequential ? bed.data.loaded.slice().sort() : bed.data.loaded;
      const loaded = await loadPart(bed, store, { name: "load", ranks, version: 1 }, shape, awaited);
      const content = loadedContent(bed.data);
      const values: Record<string, number> = {};
      const started = performance.now();
      const writtenBefore = writtenBytes();
      if (more > 0) {
        const extra = bed.data.fresh.slice(0, more);
        const phase: Phase = { name: "more", ranks: extra, version: 1 };
        const { logBytes } = await loadPart(bed, store, phase, shape, awaited);
        if (logBytes !== null) values["log bytes, touched"] = logBytes;
        for (const rank of extra) content[rank] = 1;
        await store.close();
      } else {
        await store.close();
        const seconds = loaded.seconds + (performance.now() - started) / 1000;
        values["records, closed"] = ranks.length / seconds;
      }
      const writtenAfter = writtenBytes();
      values["records"] = ranks.length / loaded.seconds;
      if (loaded.logBytes !== null) values["log bytes"] = loaded.logBytes;
      if (loaded.written !== null && writtenBefore !== null && writtenAfter !== null) {
        const rest = writtenAfter.passedToWrite - writtenBefore.passedToWrite;
        values["bytes written"] = (loaded.written + rest) / (ranks.length + more);
      }
      last = { folder, content };
      return { values, samplesUs: { load: loaded.samplesUs } };
    },
    async finish() {
      return last === null ? null : bed.prove(last.folder, last.content);
    },
  };
}

interface Loaded {
  readonly seconds: number;
  readonly samplesUs: readonly number[];
  /** A record. */
  readonly logBytes: number | null;
  /** All together, given to write(). */
  readonly written: number | null;
}

/** The keys of a large bed are made part by part: their objects would outweigh the store. */
const PART = 100_000;

async function loadPart(
  bed: Bed,
  store: EngineStore,
  phase: Phase,
  shape: WriteShape,
  awaited: boolean,
): Promise<Loaded> {
  const logBefore = logBytesOf(store);
  const writtenBefore = writtenBytes();
  const samplesMs: number[] = [];
  const part = Math.max(PART, shape.commitEvery);
  for (let at = 0; at < phase.ranks.length; at += part) {
    const ranks = phase.ranks.subarray(at, at + part);
    const { iterations, commit } = commits(bed, store, { ...phase, ranks }, shape);
    collectYoung();
    samplesMs.push(...(await timeEach(iterations, commit, awaited)));
  }
  const [logAfter, writtenAfter] = [logBytesOf(store), writtenBytes()];
  return {
    seconds: sum(samplesMs) / 1000,
    samplesUs: samplesMs.map((ms) => ms * 1000),
    logBytes: logBefore === null || logAfter === null ? null : (logAfter - logBefore) / phase.ranks.length,
    written:
      writtenBefore === null || writtenAfter === null
        ? null
        : writtenAfter.passedToWrite - writtenBefore.passedToWrite,
  };
}

function logBytesOf(store: EngineStore): number | null {
  const counters = store.counters();
  return counters === null ? null : counterAt(counters, "log.bytes");
}
