/**
 * A thread that syncs files while the main thread goes on, even if that never yields to its event loop:
 * requests and answers pass through shared memory (S5). One thread serves all stores of the process; it
 * starts at the first request and does not keep the process alive. A request that the thread has not taken
 * up (it may have failed to start) is taken back, and the caller syncs.
 *
 * Shared words: 0 counts requests (the thread sleeps on it); then, a store, three words: state (0 idle,
 * 1 asked, 2 taken up, 3 done), descriptor, errno (0: it worked).
 */

import { getSystemErrorName } from "node:util";
import { Worker } from "node:worker_threads";
import { IoError } from "../base/errors.js";
import type { VfsFile } from "../vfs/vfs.js";
import { type BackgroundSync, InlineSync } from "./checkpoint.js";

const STORES_MAX = 256;
const WORDS_A_STORE = 3;
const IDLE = 0;
const ASKED = 1;
const TAKEN = 2;
const DONE = 3;
/** How long a caller that waits lets the thread take up its request. */
const PATIENCE_MS = 200;

const THREAD_SOURCE = `
const { workerData } = require("node:worker_threads");
const { fdatasyncSync } = require("node:fs");
const words = new Int32Array(workerData);
for (let seen = 0; ; ) {
  Atomics.wait(words, 0, seen);
  seen = Atomics.load(words, 0);
  for (let at = 1; at < words.length; at += ${WORDS_A_STORE}) {
    if (Atomics.compareExchange(words, at, ${ASKED}, ${TAKEN}) !== ${ASKED}) continue;
    let errno = 0;
    try {
      fdatasyncSync(words[at + 1]);
    } catch (error) {
      errno = error.errno || -5;
    }
    words[at + 2] = errno;
    Atomics.store(words, at, ${DONE});
    Atomics.notify(words, at);
  }
}`;

let shared: Int32Array | undefined;
/** Deno numbers the open files of each thread apart: there the thread would sync nothing, or another file. */
let unavailable: boolean = "deno" in process.versions;
const slots: boolean[] = new Array<boolean>(STORES_MAX).fill(false);

function startThread(): Int32Array | undefined {
  if (shared !== undefined || unavailable) return shared;
  const words = new Int32Array(new SharedArrayBuffer(4 * (1 + STORES_MAX * WORDS_A_STORE)));
  try {
    const worker = new Worker(THREAD_SOURCE, {
      eval: true,
      // The process's own options may be such that this source does not run with them (--input-type).
      execArgv: [],
      env: {},
      workerData: words.buffer,
      stdout: false,
      stderr: false,
    });
    worker.unref();
    worker.on("error", () => {
      unavailable = true;
    });
    shared = words;
  } catch {
    unavailable = true;
  }
  return shared;
}

/** Syncs of one store in the process's sync thread; in the caller's where there is none. */
export class ThreadSync implements BackgroundSync {
  readonly #inline: InlineSync = new InlineSync();
  #words: Int32Array | undefined;
  #slot = -1;
  #file: VfsFile | undefined;
  #busy = false;

  start(file: VfsFile): void {
    const words = this.#claimSlot(file);
    if (words === undefined) {
      this.#inline.start(file);
      return;
    }
    const at = 1 + this.#slot * WORDS_A_STORE;
    words[at + 1] = file.descriptor;
    words[at + 2] = 0;
    this.#file = file;
    this.#busy = true;
    Atomics.store(words, at, ASKED);
    Atomics.add(words, 0, 1);
    Atomics.notify(words, 0);
  }

  #claimSlot(file: VfsFile): Int32Array | undefined {
    if (file.descriptor < 0 || unavailable) return undefined;
    this.#words ??= startThread();
    if (this.#words === undefined) return undefined;
    if (this.#slot < 0) {
      this.#slot = slots.indexOf(false);
      if (this.#slot < 0) return undefined;
      slots[this.#slot] = true;
    }
    return this.#words;
  }

  poll(): boolean {
    if (!this.#busy) return this.#inline.poll();
    const state = Atomics.load(this.#words!, 1 + this.#slot * WORDS_A_STORE);
    if (state === DONE) this.#finish();
    else if (!unavailable || !this.#takeBack()) return false;
    return true;
  }

  wait(): void {
    if (!this.#busy) {
      this.#inline.wait();
      return;
    }
    const words = this.#words!;
    const at = 1 + this.#slot * WORDS_A_STORE;
    if (Atomics.wait(words, at, ASKED, PATIENCE_MS) === "timed-out" && this.#takeBack()) return;
    Atomics.wait(words, at, TAKEN);
    this.#finish();
  }

  /** Syncs here what the thread has not taken up; false where it has. */
  #takeBack(): boolean {
    const at = 1 + this.#slot * WORDS_A_STORE;
    if (Atomics.compareExchange(this.#words!, at, ASKED, IDLE) !== ASKED) return false;
    this.#busy = false;
    this.#file!.sync();
    return true;
  }

  #finish(): void {
    const at = 1 + this.#slot * WORDS_A_STORE;
    const errno = this.#words![at + 2]!;
    this.#busy = false;
    Atomics.store(this.#words!, at, IDLE);
    if (errno !== 0) throw new IoError(this.#file!.path, "fdatasync", getSystemErrorName(errno));
  }

  close(): void {
    try {
      if (this.#busy) this.wait();
    } finally {
      if (this.#slot >= 0) slots[this.#slot] = false;
      this.#slot = -1;
    }
  }
}
