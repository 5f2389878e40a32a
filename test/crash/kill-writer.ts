/**
 * A process that commits and says so: it is killed at any moment, and what it has said must be there.
 * Its source is handed to `node --input-type=module`, so that it needs no build of its own.
 *
 * Commit i puts k<i> = i, removes k<i - KEPT>, and puts last = i. In mode "full" nothing is removed until the
 * disk is full; then the oldest go, and first says which is the oldest left. A file beside the store keeps
 * the few bytes back that the next opener needs for its lock.
 */

/** Ways of committing. */
export type KillMode = "single" | "transaction" | "group" | "checkpoint" | "compact" | "full";
export const KILL_MODES: readonly KillMode[] = ["single", "transaction", "group", "checkpoint", "compact"];

/** Keys that are there at any time. */
export const KEPT = 200;

/** Arguments of the process: compiled folder, store, mode, first commit number. */
export const WRITER_SOURCE: string = `
import { writeFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [folder, path, mode, first] = process.argv.slice(1);
const { open } = await import(pathToFileURL(folder + "/src/index.js").href);
const openStore = () => open(path, { durability: mode === "group" ? "group" : "sync", logBytes: 256 * 1024, cacheBytes: 64 * 4096, valueEncoding: "utf8" });
let store = openStore();
const clock = new Int32Array(new SharedArrayBuffer(4));
function acknowledge(i) {
  for (;;) {
    try {
      return writeSync(1, i + "\\n");
    } catch (error) {
      // The pipe is full: a line of this length is written whole or not at all.
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(clock, 0, 0, 1);
    }
  }
}
const pad = "x".repeat(300);
function edit(i) {
  store.put("k" + i, i + pad);
  store.delete("k" + (i - ${KEPT}));
  store.put("last", String(i));
}
function fill(i) {
  try {
    store.transaction(() => {
      store.put("k" + i, i + pad.repeat(i % 4 === 0 ? 60 : 2));
      store.put("last", String(i));
    });
    return true;
  } catch (error) {
    if (error.code !== "ERR_ESPALIER_DISK_FULL") throw error;
    emptyABit();
    return false;
  }
}
// Where even the log has no room left, closing gives it back.
function emptyABit() {
  try {
    deleteOldest();
  } catch (error) {
    if (error.code !== "ERR_ESPALIER_DISK_FULL") throw error;
    store.close();
    store = openStore();
    deleteOldest();
  }
}
function deleteOldest() {
  for (let step = 0; step < 10; step++) {
    const oldest = Number(store.get("first") ?? 1);
    store.transaction(() => {
      for (let k = oldest; k < oldest + 10; k++) store.delete("k" + k);
      store.put("first", String(oldest + 10));
    });
  }
}
async function keepRoomForLock() {
  for (;;) {
    try {
      return writeFileSync(path + ".kept", Buffer.alloc(65536));
    } catch (error) {
      if (error.code !== "ENOSPC") throw error;
      emptyABit();
      await store.compact();
    }
  }
}
if (mode === "full") await keepRoomForLock();
const turn = () => new Promise((resolve) => setImmediate(resolve));
for (let i = Number(first); ; i++) {
  if (mode === "single") {
    edit(i);
    acknowledge(i);
  } else if (mode === "full") {
    while (!fill(i));
    acknowledge(i);
  } else if (mode === "group") {
    const waiting = [];
    for (const end = i + 8; i < end; i++) {
      waiting.push(store.write([
        { type: "put", key: "k" + i, value: i + pad },
        { type: "delete", key: "k" + (i - ${KEPT}) },
        { type: "put", key: "last", value: String(i) },
      ]));
    }
    await Promise.all(waiting);
    acknowledge(--i);
  } else {
    store.transaction(() => edit(i));
    acknowledge(i);
    if (mode === "checkpoint" && i % 3 === 0) store.checkpoint();
    if (mode === "compact" && i % 5 === 0) {
      store.put("big", pad.repeat(200));
      store.delete("big");
      await store.compact();
    }
  }
  if (i % 16 === 0) await turn();
}
`;
