/**
 * A database that nothing refers to any more but an operation under way: the garbage collector takes it
 * before its time in no case. In a process of its own, where the collector runs when it is told to.
 */

import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { compiled } from "../support/compiled.js";
import { newFolder } from "./support/databases.js";

/** Each starts on a database of 1,000 records; what it returns goes on without a reference of ours. */
const OPERATIONS: Record<string, string> = {
  "an iterator": `
    const iterator = db.iterator();
    await iterator.next();
    return async () => [1 + (await iterator.all()).length, iterator.db];`,
  "iterators of keys and values": `
    const [keys, values] = [db.keys(), db.values()];
    return async () => [((await keys.all()).length + (await values.all()).length) / 2, keys.db];`,
  "a chained batch": `
    const batch = db.batch();
    for (let i = 0; i < 1000; i++) batch.put("key" + i, "again");
    return async () => [batch.length, (await batch.write({ sync: true }), batch.db)];`,
  "a snapshot": `
    const [snapshot, keys] = [db.snapshot(), db.keys({ limit: 0 })];
    await db.clear();
    return async () => [(await keys.db.keys({ snapshot }).all()).length, keys.db];`,
  "a sublevel": `
    const sublevel = db.sublevel("s");
    await sublevel.batch(Array.from({ length: 1000 }, (_, i) => ({ type: "put", key: "k" + i, value: "" })));
    return async () => [(await sublevel.keys().all()).length, sublevel.db];`,
};

const PROGRAM = `
  const [sources, location, body] = process.argv.slice(1);
  const { EspalierLevel } = await import(sources + "/src/level/index.js");
  const start = new (async () => {}).constructor("db", body);
  async function begin() {
    const db = new EspalierLevel(location);
    await db.batch(Array.from({ length: 1000 }, (_, i) => ({ type: "put", key: "key" + i, value: "value" })));
    return await start(db);
  }
  const goOn = await begin();
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [records, db] = await goOn();
  await db.close();
  console.log(records);`;

it.each(Object.keys(OPERATIONS))("is kept by %s", (name) => {
  const sources = pathToFileURL(compiled()).href;
  const words = ["--expose-gc", "--input-type=module", "-e", PROGRAM, sources, newFolder()];
  const { stdout, stderr } = spawnSync(process.execPath, [...words, OPERATIONS[name] as string], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(stderr).toBe("");
  expect(stdout).toBe("1000\n");
});
