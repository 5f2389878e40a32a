/**
 * Checks what was written while more is being written: a thread reads finished leaves back, in key order, and
 * gives the records and the digest of each tree in the end. It only ever says that all is well; where it finds
 * a fault, or can't be had, there is no answer, and the caller does the check itself.
 *
 * The migrator's steps are synchronous: the answer is waited for in shared memory and taken from a port.
 */

import { existsSync } from "node:fs";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { VfsFile } from "../src/vfs/vfs.js";
import type { CheckedTree } from "./leaf-check.js";
import { PageList } from "./legacy/page-set.js";

export interface FollowerSettings {
  readonly path: string;
  readonly pageSize: number;
  readonly storeId: Uint8Array;
  /** Pages that do not lie in their own places yet, and where they do. */
  readonly moved: readonly (readonly [number, number])[];
  /** Shared: AT_ALIVE, AT_ANSWERED, and AT_LEAVES counts leaves done. */
  readonly words: Int32Array;
  readonly answers: MessagePort;
}

export const AT_ALIVE = 0;
export const AT_ANSWERED = 1;
export const AT_LEAVES = 2;

export type ToFollower =
  | { readonly kind: "leaves"; readonly pages: Uint32Array }
  | { readonly kind: "tree" }
  | { readonly kind: "end" };

/** From so many bytes of a file on the thread is worth its start. */
const FILE_BYTES_MIN: number = 32 * 1024 * 1024;
/** How long the thread may take to start, and how long it may make no progress. */
const START_MS = 2000;
const STALL_MS = 60_000;
/** Leaves that are told of at once, at least. */
const TELL_LEAVES = 256;

/** Undefined where it is not there, as in a bundle; one that is CommonJS has no `import.meta.url` either. */
function threadEntry(url: string | undefined): URL | undefined {
  const entry = url === undefined ? undefined : new URL("./verify-thread.js", url);
  return entry !== undefined && existsSync(entry) ? entry : undefined;
}

/** For tests: how many answers were had in this process. */
export const followed: { answers: number } = { answers: 0 };

export class Follower {
  readonly #worker: Worker;
  readonly #words: Int32Array;
  readonly #answers: MessagePort;
  /** What the thread is not told of yet: leaves, and messages before them. */
  #leaves: PageList = new PageList();
  #queue: ToFollower[] = [];

  private constructor(worker: Worker, words: Int32Array, answers: MessagePort) {
    this.#worker = worker;
    this.#words = words;
    this.#answers = answers;
  }

  /** Undefined where there is none to be had, or it is not worth it. */
  static start(
    file: VfsFile,
    fileBytes: number,
    store: Pick<FollowerSettings, "pageSize" | "storeId" | "moved">,
  ): Follower | undefined {
    if (file.descriptor < 0 || fileBytes < FILE_BYTES_MIN) return undefined;
    const entry = threadEntry(import.meta.url);
    if (entry === undefined) return undefined;
    const words = new Int32Array(new SharedArrayBuffer(16));
    const { port1, port2 } = new MessageChannel();
    try {
      const settings: FollowerSettings = { ...store, path: file.path, words, answers: port2 };
      const worker = new Worker(entry, { workerData: settings, transferList: [port2], execArgv: [] });
      worker.on("error", () => undefined); // It then gives no answer.
      worker.unref();
      return new Follower(worker, words, port1);
    } catch {
      port1.close();
      return undefined;
    }
  }

  /** The next leaf of the tree in work. It need not be in the file yet. */
  leaf(page: number): void {
    this.#leaves.push(page);
  }

  endTree(): void {
    this.#close();
    this.#queue.push({ kind: "tree" });
  }

  /** All leaves that were given are in the file now. */
  written(): void {
    if (this.#leaves.length < TELL_LEAVES && this.#queue.length === 0) return;
    this.#close();
    for (const message of this.#queue) this.#worker.postMessage(message);
    this.#queue = [];
  }

  /** The trees in their order; undefined where there is no answer, or where it is not that all is well. */
  finish(): readonly CheckedTree[] | undefined {
    this.#close();
    this.#queue.push({ kind: "end" });
    this.written();
    const answered = this.#wait();
    const answer = answered ? receiveMessageOnPort(this.#answers) : undefined;
    this.close();
    if (answer === undefined || answer.message === null) return undefined;
    followed.answers++;
    return answer.message as readonly CheckedTree[];
  }

  /** Harmless at any time. */
  close(): void {
    this.#answers.close();
    void this.#worker.terminate();
  }

  #wait(): boolean {
    const words = this.#words;
    for (let progress = -1; ; ) {
      const alive = Atomics.load(words, AT_ALIVE) === 1;
      const result = Atomics.wait(words, AT_ANSWERED, 0, alive ? STALL_MS : START_MS);
      if (result !== "timed-out") return true;
      const leaves = Atomics.load(words, AT_LEAVES) + (alive ? 0 : -1);
      if (leaves === progress) return false;
      progress = leaves;
    }
  }

  #close(): void {
    if (this.#leaves.length === 0) return;
    this.#queue.push({ kind: "leaves", pages: this.#leaves.toArray() });
    this.#leaves = new PageList();
  }
}
