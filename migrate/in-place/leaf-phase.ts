/**
 * The first phase of a conversion in place: all leaves, batch by batch (M3 c). A batch's pages are written and
 * synced, then the slot says so and is synced; only then does the next batch overwrite what this one used up. The
 * next batch is made in memory meanwhile.
 * After a crash the batch that was under way is made again from the same inputs, to the same bytes.
 */

import { CorruptionError } from "../../src/base/errors.js";
import { ThreadSync } from "../../src/log/sync-thread.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import type { Follower } from "../follower.js";
import type { RecordBatch } from "../legacy/leaf.js";
import { PageOutput } from "./page-output.js";
import { BATCH_WORDS, type Program, type ProgramTree } from "./program.js";
import { isUntouched, type SlotState, writeSlot } from "./slot.js";

/** Where the finished pages of a leaf go. */
export interface LeafOutput {
  /** Index of the next leaf over all trees. */
  readonly nextLeaf: number;
  /** Takes the place of the next overflow run; to be called before its leaf is put. */
  takeRun(): number;
  putRun(page: number, image: Uint8Array): void;
  putLeaf(image: Uint8Array, records: number): void;
}

/** Makes the leaves of one tree from a certain leaf on. */
export interface LeafMaker {
  /** Low fence of the leaf that is being made, where the target needs it to begin there again. */
  readonly low: Uint8Array;
  /** Takes records from..count-1 of a batch. */
  addAll(batch: RecordBatch, from: number): void;
  finish(): void;
}

export interface LeafPhaseParts {
  /** Records of a tree from unit `unit` (of the tree's list) on. */
  readonly records: (tree: ProgramTree, unit: number) => Iterable<RecordBatch>;
  readonly maker: (tree: ProgramTree, leaf: number, low: Uint8Array, out: LeafOutput) => LeafMaker;
  /** Reads behind and checks, where the phase runs from its beginning. */
  readonly follower: Follower | undefined;
}

interface BatchEnd {
  readonly leaves: number;
  readonly runs: number;
  readonly unit: number;
  readonly record: number;
  readonly records: number;
}

const START: BatchEnd = { leaves: 0, runs: 0, unit: 0, record: 0, records: 0 };

export class LeafPhase implements LeafOutput {
  readonly #file: VfsFile;
  readonly #program: Program;
  readonly #parts: LeafPhaseParts;
  readonly #output: PageOutput;
  readonly #sync: ThreadSync = new ThreadSync();
  #slot: SlotState;
  /** Batches written; the last of them may not be in the slot yet. */
  #done: number;
  /** What of the batch written last is being synced: its pages, or the slot that says that they are there. */
  #state: "settled" | "data" | "slot" = "settled";
  /** The low fence behind that batch. */
  #low: Uint8Array = new Uint8Array(0);
  #maker: LeafMaker | undefined;
  nextLeaf: number;
  #nextRun: number;
  #records: number;
  #end: BatchEnd;
  bytesWritten = 0;

  constructor(file: VfsFile, program: Program, slot: SlotState, parts: LeafPhaseParts) {
    this.#file = file;
    this.#program = program;
    this.#parts = parts;
    this.#slot = slot;
    this.#done = slot.batches;
    this.#output = new PageOutput(file, program.head.targetPageSize, program.tables.moves);
    const start = this.#batch(slot.batches - 1);
    this.nextLeaf = start.leaves;
    this.#nextRun = start.runs;
    this.#records = start.records;
    this.#end = this.#batch(slot.batches);
  }

  get slot(): SlotState {
    return this.#slot;
  }

  get recordsDone(): number {
    return this.#batch(this.#slot.batches - 1).records;
  }

  /** Yields after each batch. Throws CorruptionError (M3) where the records are not those of the program. */
  *run(): Generator<void, void> {
    const { trees } = this.#program.head;
    let start = this.#batch(this.#slot.batches - 1);
    let { low } = this.#slot;
    for (const tree of trees) {
      if (start.leaves >= tree.leaves[1]) continue;
      yield* this.#tree(tree, start, low);
      start = { ...START, leaves: tree.leaves[1], unit: tree.units[1] };
      low = new Uint8Array(0);
    }
    if (this.#done < this.#batchCount) this.#flush(new Uint8Array(0));
    this.#settle();
    yield;
  }

  /** Lets go of the thread that syncs. */
  close(): void {
    this.#sync.close();
  }

  *#tree(tree: ProgramTree, start: BatchEnd, low: Uint8Array): Generator<void, void> {
    const maker = this.#parts.maker(tree, this.nextLeaf, low, this);
    this.#maker = maker;
    let skip = start.record;
    for (const batch of this.#parts.records(tree, start.unit - tree.units[0])) {
      const before = this.#done;
      this.#proceed();
      const from = Math.min(skip, batch.count);
      skip -= from;
      if (from < batch.count) maker.addAll(batch, from);
      if (this.#done !== before) yield;
    }
    maker.finish();
    if (this.nextLeaf !== tree.leaves[1])
      throw this.#differs(`${this.nextLeaf} leaves of ${tree.leaves[1]} were made`);
    this.#parts.follower?.endTree();
  }

  takeRun(): number {
    this.#beforeOutput();
    const page = this.#program.tables.runStarts[this.#nextRun++];
    if (page === undefined) throw this.#differs("there are more long values");
    return page;
  }

  putRun(page: number, image: Uint8Array): void {
    this.#output.add(page, image);
  }

  putLeaf(image: Uint8Array, records: number): void {
    this.#beforeOutput();
    const page = this.#program.tables.leafPages[this.nextLeaf]!;
    this.#output.add(page, image);
    this.#parts.follower?.leaf(page);
    this.nextLeaf++;
    this.#records += records;
  }

  #beforeOutput(): void {
    if (this.nextLeaf < this.#end.leaves) return;
    if (this.#done >= this.#batchCount) throw this.#differs("there are more leaves");
    this.#flush(this.#maker!.low);
  }

  /**
   * Writes the batch in memory, and lets it be synced while the next one is made in memory: that only reads
   * what no batch before it has written over.
   */
  #flush(low: Uint8Array): void {
    const end = this.#end;
    if (this.nextLeaf !== end.leaves || this.#nextRun !== end.runs || this.#records !== end.records) {
      throw this.#differs(`batch ${this.#done} came to another end`);
    }
    this.#settle();
    if (isUntouched(this.#slot)) this.#begin();
    this.bytesWritten += this.#output.bytes;
    this.#output.flush();
    this.#parts.follower?.written();
    this.#sync.start(this.#file);
    this.#state = "data";
    this.#low = low.slice();
    this.#done++;
    this.#end = this.#batch(this.#done);
  }

  /** Before the first page is written: from here on, taking the fence down would leave half a file. */
  #begin(): void {
    this.#slot = { ...this.#slot, sequence: this.#slot.sequence + 1 };
    writeSlot(this.#file, this.#program, this.#slot);
    this.#file.sync();
  }

  /** Goes on behind the back of the batch that is being made: its predecessor is synced, then the slot says so. */
  #proceed(): void {
    if (this.#state === "data" && this.#sync.poll()) this.#advanceSlot();
    else if (this.#state === "slot" && this.#sync.poll()) this.#state = "settled";
  }

  /** The batch that was written is durable, and so is the slot that says so: what it used up may be written over. */
  #settle(): void {
    if (this.#state === "data") {
      this.#sync.wait();
      this.#advanceSlot();
    }
    if (this.#state === "slot") this.#sync.wait();
    this.#state = "settled";
  }

  #advanceSlot(): void {
    const { sequence, batches } = this.#slot;
    this.#slot = { ...this.#slot, sequence: sequence + 1, phase: 1, batches: batches + 1, low: this.#low };
    writeSlot(this.#file, this.#program, this.#slot);
    this.#sync.start(this.#file);
    this.#state = "slot";
  }

  get #batchCount(): number {
    return this.#program.tables.batches.length / BATCH_WORDS;
  }

  #batch(index: number): BatchEnd {
    if (index < 0) return START;
    const words = this.#program.tables.batches;
    const at = Math.min(index, this.#batchCount - 1) * BATCH_WORDS;
    return {
      leaves: words[at]!,
      runs: words[at + 1]!,
      unit: words[at + 2]!,
      record: words[at + 3]!,
      records: words[at + 4]! + words[at + 5]! * 2 ** 32,
    };
  }

  /** Nothing of the batch was written yet: the inputs are as they were. */
  #differs(reason: string): CorruptionError {
    const { path } = this.#file;
    return new CorruptionError("M3", `the records are not those that were planned: ${reason}`, {
      path,
      page: -1,
      offset: -1,
    });
  }
}
