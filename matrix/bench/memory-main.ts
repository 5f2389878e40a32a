/**
 * How much memory a store takes, in a process that holds nothing else: opens the store at the path of its first
 * argument with a cache of its second, reads all of it, gets and overwrites a sample of its records, and
 * prints its most resident memory, and that of a process that only started, in bytes, as JSON.
 */

import { peakResidentBytes, resetPeak } from "../runner/process-figures.js";

const SAMPLE_EVERY = 10;
const SAMPLE_MAX = 50_000;
const COMMIT_EVERY = 1000;

const [, , path, cacheBytes, keyEncoding] = process.argv;
const idle = process.memoryUsage().rss;
resetPeak();
const { open } = await import("../../src/index.js");
const store = open<Uint8Array | string, Uint8Array>(path as string, {
  cacheBytes: Number(cacheBytes),
  keyEncoding: keyEncoding === "utf8" ? "utf8" : "binary",
  valueEncoding: "binary",
});
const sample: (Uint8Array | string)[] = [];
let seen = 0;
for (const key of store.keys()) {
  if (seen++ % SAMPLE_EVERY === 0 && sample.length < SAMPLE_MAX) sample.push(key);
}
for (const [, value] of store.range()) if (value.length === 0) throw new Error("an empty value");
for (let at = 0; at < sample.length; at += COMMIT_EVERY) {
  const keys = sample.slice(at, at + COMMIT_EVERY);
  store.transaction(() => {
    for (const key of keys) store.put(key, store.get(key) as Uint8Array);
  });
}
const peak = peakResidentBytes() ?? process.memoryUsage().rss;
store.close();
process.stdout.write(JSON.stringify({ idle, peak, seen }));
