/**
 * Writes a legacy tree bottom-up from sorted records, as a plan (writer-plan.ts) laid it out. Pages come out
 * finished and in key order on each level: a leaf as soon as the first key of the next one is known, a branch
 * when its last child and the key after it are. Where each page goes is the caller's choice, fixed beforehand,
 * because neighbours and parents name each other.
 */

import { OptionError } from "../../src/base/errors.js";
import type { RecordBatch } from "./leaf.js";
import type { PageSeal } from "./page-check.js";
import { TreePageBuilder } from "./writer-page.js";
import type { BulkPlan } from "./writer-plan.js";

/** The page number for page `index` of `level` (0 = leaves); must be the same whenever it is asked. */
export type PageAllocator = (level: number, index: number) => number;

/** Gets each finished page; the bytes are reused after the call. */
export type PageSink = (page: number, bytes: Uint8Array) => void;

interface LevelState {
  readonly builder: TreePageBuilder;
  /** Pages finished on this level. */
  done: number;
}

const NO_KEY: Uint8Array = new Uint8Array(0);

export class BulkWriter {
  readonly #plan: BulkPlan;
  readonly #allocate: PageAllocator;
  readonly #sink: PageSink;
  readonly #levels: LevelState[];

  constructor(plan: BulkPlan, seal: PageSeal, allocate: PageAllocator, sink: PageSink) {
    this.#plan = plan;
    this.#allocate = allocate;
    this.#sink = sink;
    this.#levels = plan.levels.map((_, level) => ({
      builder: new TreePageBuilder(plan.generation, seal, level === 0),
      done: 0,
    }));
  }

  /** The page of the root. */
  get root(): number {
    return this.#allocate(this.#plan.levels.length - 1, 0);
  }

  /** Takes the same records in the same order as the planner did. */
  add(batch: RecordBatch): void {
    const { count, keys, keyStart, keyLength, values, valueStart, valueLength } = batch;
    const counts = this.#plan.levels[0]!;
    const leaves = this.#levels[0]!;
    for (let i = 0; i < count; i++) {
      const start = keyStart[i]!;
      const length = keyLength[i]!;
      if (leaves.builder.count === counts[leaves.done]) this.#close(0, keys, start, length);
      leaves.builder.addRecord(keys, start, length, values, valueStart[i]!, valueLength[i]!);
    }
  }

  /** Finishes the last page of each level; the root comes last. Throws OptionError where records are missing. */
  finish(): void {
    for (let level = 0; level < this.#levels.length; level++) this.#close(level, NO_KEY, 0, 0);
    this.#levels.forEach((state, level) => {
      const planned = this.#plan.levels[level]!.length;
      if (state.done !== planned)
        throw new OptionError("records", `${state.done} of ${planned} planned pages came`);
    });
  }

  /** Ends the open page of `level` before the key given, and hands it to its parent. */
  #close(level: number, key: Uint8Array, start: number, length: number): void {
    const state = this.#levels[level]!;
    const counts = this.#plan.levels[level]!;
    const index = state.done;
    if (state.builder.count !== counts[index]) {
      throw new OptionError("records", "the records differ from those that were planned");
    }
    const parents = this.#levels[level + 1];
    if (parents !== undefined && parents.builder.count === this.#plan.levels[level + 1]![parents.done]) {
      const low = state.builder.low;
      this.#close(level + 1, low, 0, low.length);
    }
    const page = this.#allocate(level, index);
    parents?.builder.addChild(page, state.builder.low);
    const links = {
      page,
      parent: parents === undefined ? 0 : this.#allocate(level + 1, parents.done),
      left: index === 0 ? 0 : this.#allocate(level, index - 1),
      right: index + 1 < counts.length ? this.#allocate(level, index + 1) : 0,
    };
    state.done++;
    this.#sink(page, state.builder.finish(links, key, start, length));
  }
}
