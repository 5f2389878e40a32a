/** What the first commit of a session waits for: as few syncs as the order of W4 allows. */

import { expect, it } from "vitest";
import { open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { STORE_PATH, storeOptions } from "../support/session.js";

const KEY = Buffer.from("key");

/** The syncs of one commit in a store that was just opened. */
function syncsOfFirstCommit(vfs: FaultyVfs): string[] {
  const store = open<Uint8Array, Uint8Array>(
    STORE_PATH,
    storeOptions({ pageSize: 4096, durability: "none" }, vfs),
  );
  const syncs: string[] = [];
  vfs.onCall = (record) => {
    if (record.operation.toLowerCase().includes("sync")) syncs.push(record.path);
  };
  store.put(KEY, KEY);
  vfs.onCall = undefined;
  return syncs;
}

it("after a clean close: the log's first segment, the folder, the header", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  open(STORE_PATH, storeOptions({ pageSize: 4096, durability: "none" }, vfs)).close();
  // The second is the folder's, which goes by the store's path.
  expect(syncsOfFirstCommit(vfs)).toEqual([`${STORE_PATH}-log1`, STORE_PATH, STORE_PATH]);
});

it("where files of an older log are left: what made them needless, first", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  open(STORE_PATH, storeOptions({ pageSize: 4096, durability: "none" }, vfs)).close();
  vfs.open(`${STORE_PATH}-log1`, "create").close();
  expect(syncsOfFirstCommit(vfs)[0]).toBe(STORE_PATH);
});
