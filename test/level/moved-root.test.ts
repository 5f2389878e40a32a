/** Compacting a database whose tree has its root far behind, as one that was converted has. */

import { expect, it } from "vitest";
import { openLegacy } from "../../migrate/legacy/legacy-file.js";
import { writeStoreFile } from "../../migrate/store-file.js";
import { EspalierLevel } from "../../src/level/index.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { fixtureInMemory } from "../migrate/legacy/support.js";
import { closing } from "./support/databases.js";

const LEFT = 50;

/** A store as the migrator writes it: leaves first, then the root, with free pages before neither. */
function converted(): Vfs {
  const vfs = fixtureInMemory("gen3/u64-rand-20k.db");
  const source = openLegacy(vfs, "/file.db");
  const survey = source.inspect();
  const trees = survey.trees.map((tree) => ({ name: "", batches: source.batches(survey, tree) }));
  const steps = writeStoreFile(vfs, "/new.db", { pageSize: 8192, trees, legacy: undefined });
  for (let step = steps.next(); step.done !== true; step = steps.next());
  source.close();
  return vfs;
}

/** Story: the database wrote on in the page that had been its root, which was free, or another tree's, by then. */
it("A database goes on where its tree's root has moved to", async () => {
  const vfs = converted();
  const bytes = { vfs, keyEncoding: "view", valueEncoding: "view" } as const;
  const db = closing(new EspalierLevel<Uint8Array, Uint8Array>("/new.db", bytes));
  await db.open();
  const keys = await db.keys().all();
  const [gone, kept] = [keys.slice(0, -LEFT), keys.slice(-LEFT)];
  await db.batch(gone.map((key) => ({ type: "del", key })));
  const snapshot = db.snapshot();
  const iterator = db.keys();
  const before = db.store.root;
  await db.compactRange(keys[0]!, keys[1]!);
  expect(db.store.root).not.toBe(before);

  const [first, second, third] = gone as [Uint8Array, Uint8Array, Uint8Array];
  await db.put(first, first);
  await db.batch([{ type: "put", key: second, value: second }]);
  await db.put(third, third, { sync: true });
  db.store.tree("other").put("a", 1);
  const now = [first, second, third, ...kept];
  expect(await db.keys().all()).toEqual(now);
  expect([...db.store.keys()]).toEqual(now);
  expect([await db.get(first), db.getSync(second), await db.has(third)]).toEqual([first, second, true]);
  expect(await iterator.all()).toEqual(kept);
  expect(await db.keys({ snapshot }).all()).toEqual(kept);
  await snapshot.close();
  await db.clear({ lt: kept[1]! });
  expect(db.store.count()).toBe(LEFT - 1);
  expect(db.store.verify().problems).toEqual([]);
});
