/** The thread behind a Follower: reads leaves back and checks them while the migrator writes the next ones. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import type { VfsFile } from "../src/vfs/vfs.js";
import { AT_ALIVE, AT_ANSWERED, AT_LEAVES, type FollowerSettings, type ToFollower } from "./follower.js";
import { type CheckedTree, LeafCheck } from "./leaf-check.js";
import { StorePages } from "./store-pages.js";

class LeafReader {
  readonly #words: Int32Array;
  readonly #answers: MessagePort;
  readonly #file: VfsFile;
  readonly #pages: StorePages;
  readonly #trees: CheckedTree[] = [];
  #check: LeafCheck;
  /** False once anything was wrong: the migrator then looks for itself, and says what. */
  #good = true;

  constructor({ path, pageSize, storeId, moved, words, answers }: FollowerSettings) {
    this.#words = words;
    this.#answers = answers;
    this.#file = nodeVfs.open(path, "read");
    this.#pages = new StorePages(this.#file, pageSize, storeId, new Map(moved));
    this.#check = new LeafCheck(this.#pages, true);
  }

  take(message: ToFollower): void {
    try {
      if (this.#good) this.#work(message);
    } catch {
      this.#good = false;
    }
    if (message.kind === "end") this.#answer();
  }

  #work(message: ToFollower): void {
    if (message.kind === "tree") {
      this.#trees.push(this.#check.finish());
      this.#check = new LeafCheck(this.#pages, true);
    } else if (message.kind === "leaves") {
      // What was read ahead may have been written since.
      this.#pages.forget();
      for (const page of message.pages) {
        this.#check.leaf(page);
        Atomics.add(this.#words, AT_LEAVES, 1);
      }
    }
  }

  #answer(): void {
    this.#file.close();
    this.#answers.postMessage(this.#good ? this.#trees : null);
    Atomics.store(this.#words, AT_ANSWERED, 1);
    Atomics.notify(this.#words, AT_ANSWERED);
    parentPort?.close();
  }
}

const settings = workerData as FollowerSettings;
const reader = new LeafReader(settings);
Atomics.store(settings.words, AT_ALIVE, 1);
parentPort?.on("message", (message: ToFollower) => reader.take(message));
