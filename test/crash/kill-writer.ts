/**
 * A process that commits and says so: it is killed at any moment, and what it has said must be there.
 * Its source is handed to `node --input-type=module`, so that it needs no build of its own.
 *
 * Commit i puts k<i> = i, removes k<i - KEPT>, and puts last = i.
 */

/** Ways of committing. */
export const KILL_MODES: readonly ["single", "transaction", "group", "checkpoint", "compact"] = [
  "single",
  "transaction",
  "group",
  "checkpoint",
  "compact",
];
export type KillMode = (typeof KILL_MODES)[number];

/** Keys that are there at any time. */
export const KEPT = 200;

/** Arguments of the process: compiled folder, store, mode, first commit number. */
export const WRITER_SOURCE: string = `
import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
const [folder, path, mode, first] = process.argv.slice(1);
const { open } = await import(pathToFileURL(folder + "/src/index.js").href);
const store = open(path, { durability: mode === "group" ? "group" : "sync", logBytes: 256 * 1024, cacheBytes: 64 * 4096, valueEncoding: "utf8" });
const acknowledge = (i) => writeSync(1, i + "\\n");
const pad = "x".repeat(300);
function edit(i) {
  store.put("k" + i, i + pad);
  store.delete("k" + (i - ${KEPT}));
  store.put("last", String(i));
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
for (let i = Number(first); ; i++) {
  if (mode === "single") {
    edit(i);
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
