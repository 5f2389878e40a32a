/** What open() leaves of a store that it has just made: ready to be written, with nothing in the first commit's way. */

import { expect, it } from "vitest";
import { open, type Store } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";

const PATH = "/s.esp";

function make(vfs: Vfs): Store<string, number> {
  return open<string, number>(PATH, { vfs });
}

/** Calls of the operation during `action`. */
function callsOf(vfs: FaultyVfs, wanted: string, action: () => void): number {
  let calls = 0;
  vfs.onCall = ({ operation }) => {
    if (operation === wanted) calls++;
  };
  action();
  vfs.onCall = undefined;
  return calls;
}

it("the first commit of a new store is one write, through to the disk", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  using store = make(vfs);
  const calls: string[] = [];
  vfs.onCall = ({ operation }) => {
    if (operation !== "read") calls.push(operation);
  };
  store.put("a", 1);
  vfs.onCall = undefined;
  expect(calls).toEqual(["write-through"]);
});

it("a store that is there is not written by opening it", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  make(vfs).close();
  const writes = callsOf(vfs, "write", () => {
    using store = make(vfs);
    expect(store.get("a")).toBeUndefined();
    expect(vfs.live.list("/")).toEqual(["s.esp"]);
  });
  expect(writes).toBe(0);
});

it("a new store that nothing was written to closes to one file", () => {
  const vfs = new FaultyVfs({ seed: 1 });
  make(vfs).close();
  expect(vfs.live.list("/")).toEqual(["s.esp"]);
  using again = make(vfs);
  expect(again.verify().problems).toEqual([]);
});

it("without room for its log, a new store opens, and its first change tells of it and can be tried again", () => {
  const vfs = new FaultyVfs({ seed: 1, capacityBytes: 32 * 1024 });
  using store = make(vfs);
  expect(() => store.put("a", 1)).toThrow(expect.objectContaining({ code: "ERR_ESPALIER_DISK_FULL" }));
  vfs.capacityBytes = Number.POSITIVE_INFINITY;
  store.put("a", 1);
  expect(store.get("a")).toBe(1);
});

it("a new store keeps its name in a power cut, where there was no room to begin a log", () => {
  const vfs = new FaultyVfs({ seed: 1, capacityBytes: 32 * 1024 });
  make(vfs).close();
  const disk = vfs.powerCut("dropped", 1);
  using store = open(PATH, { vfs: disk, createIfMissing: false });
  expect(store.verify().problems).toEqual([]);
});

it.each(["EIO", "lost-sync"] as const)(
  "a header that fails when the log begins (%s) is an error of open()",
  (kind) => {
    const trial = new FaultyVfs({ seed: 1 });
    let last = 0;
    trial.onCall = ({ operation, path, call }) => {
      if (operation === "sync" && path === PATH) last = call;
    };
    const whole = make(trial);
    trial.onCall = undefined;
    whole.close();
    const vfs = new FaultyVfs({ seed: 1, faults: [{ kind, at: last, lasts: "once" }] });
    expect(() => make(vfs)).toThrow(expect.objectContaining({ code: "ERR_ESPALIER_IO" }));
    using again = make(vfs);
    again.put("a", 1);
    expect(again.verify().problems).toEqual([]);
  },
);

it("one that cannot take its name, as over a file that is a mount, leaves nothing behind", () => {
  const where = ({ operation }: { operation: string }): boolean => operation === "rename";
  const vfs = new FaultyVfs({ seed: 1, faults: [{ kind: "EIO", at: 1, lasts: "forever", where }] });
  expect(() => make(vfs)).toThrow(expect.objectContaining({ code: "ERR_ESPALIER_IO" }));
  expect(vfs.live.list("/")).toEqual([]);
});
