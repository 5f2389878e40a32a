/**
 * Prints how many heap bytes a call of each kind allocates once it is compiled, as JSON: the heap profiler samples
 * every allocation, those included that are collected at once. Argument: the compiled sources' folder.
 */

import { Session } from "node:inspector";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const load = (file) => import(pathToFileURL(join(process.argv[2], file)).href);
const { open } = await load("src/index.js");
const RECORDS = 2000;
const CALLS = 400_000;
const SAMPLE_EVERY_BYTES = 128;

const session = new Session();
session.connect();

function bytesPerCall(call) {
  const run = () => {
    for (let i = 0; i < CALLS; i++) call(i);
  };
  run();
  run();
  session.post("HeapProfiler.startSampling", {
    samplingInterval: SAMPLE_EVERY_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  run();
  let bytes = 0;
  session.post("HeapProfiler.stopSampling", (_error, { profile }) => {
    const add = ({ selfSize, children }) => {
      bytes += selfSize;
      children.forEach(add);
    };
    add(profile.head);
  });
  return bytes / CALLS;
}

const found = {};
for (const keyEncoding of ["binary", "utf8"]) {
  const store = open(join(process.argv[3], keyEncoding), { keyEncoding, valueEncoding: "binary" });
  const texts = Array.from({ length: RECORDS }, (_, i) => `user/${String(Math.imul(i, 0x9e3779b1) >>> 0)}`);
  const keys = keyEncoding === "utf8" ? texts : texts.map((text) => Buffer.from(text));
  const value = Buffer.alloc(32, 1);
  const target = new Uint8Array(value.length);
  store.transaction(() => {
    for (const key of keys) store.put(key, value);
  });
  const inTransaction = (call) => store.transaction(() => bytesPerCall(call));
  found[keyEncoding] = {
    has: bytesPerCall((i) => store.has(keys[i % RECORDS])),
    getInto: bytesPerCall((i) => store.getInto(keys[i % RECORDS], target)),
    get: bytesPerCall((i) => store.get(keys[i % RECORDS])),
    overwrite: inTransaction((i) => store.put(keys[i % RECORDS], value)),
    "delete and insert": inTransaction((i) => {
      store.delete(keys[i % RECORDS]);
      store.put(keys[i % RECORDS], value);
    }),
  };
  store.close();
}
process.stdout.write(JSON.stringify(found));
