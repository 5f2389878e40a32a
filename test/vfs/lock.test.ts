/** The lock of a store (P5): who gets it, who is told what, and whom a lock that was left keeps out. */

import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { DiskFullError, IoError, LockedError } from "../../src/base/errors.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { acquireLock, forceUnlock, readLock } from "../../src/vfs/lock.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { newNonce } from "../../src/vfs/nonce.js";
import { ownIdentity } from "../../src/vfs/process-identity.js";
import { altered, folder, leaveLock, refusal, store } from "./lock-bed.js";

describe("a free lock", () => {
  it("is taken, described in its file, and given back without a trace", () => {
    const lock = acquireLock(nodeVfs, store);
    expect(lock).toMatchObject({ path: `${store}-lock`, onDisk: true });
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
    const text = JSON.parse(fs.readFileSync(lock.path, "utf8"));
    expect(text).toMatchObject({ pid: process.pid, host: hostname(), boot: ownIdentity().boot });
    expect(text.boot).toMatch(/^[0-9a-f-]{36}$/);
    expect(text.pidNamespace).toMatch(/^pid:\[\d+\]$/);
    expect(text.started).toBeGreaterThan(0);
    expect(text.openedAt).toContain("lock.test.ts");
    expect(readLock(nodeVfs, store)).toMatchObject({ state: "alive", holder: { pid: process.pid } });
    lock.release();
    lock.release();
    expect(fs.readdirSync(folder)).toEqual([]);
    expect(readLock(nodeVfs, store).state).toBe("free");
    acquireLock(nodeVfs, store).release();
  });

  it("gets its name with its whole text in it, synced", () => {
    const calls: string[] = [];
    const vfs = altered({
      open: (path, mode) => {
        const file = nodeVfs.open(path, mode);
        if (mode !== "create") return file;
        const sync = (): void => {
          calls.push(`sync ${fs.readFileSync(path, "utf8").length > 100}`);
          file.sync();
        };
        return Object.assign(Object.create(file), {
          read: file.read.bind(file),
          write: file.write.bind(file),
          close: file.close.bind(file),
          sync,
        });
      },
      link: (from, to) => {
        calls.push(`link ${to}`);
        nodeVfs.link(from, to);
      },
    });
    acquireLock(vfs, store).release();
    expect(calls).toEqual(["sync true", `link ${store}-lock`]);
  });

  it("needs the store's folder", () => {
    expect(() => acquireLock(nodeVfs, join(folder, "missing/db"))).toThrow(IoError);
  });

  it("is left free where it can't be made", () => {
    const vfs = altered({
      link: (from) => {
        throw new IoError(from, "link", "EIO");
      },
    });
    expect(() => acquireLock(vfs, store)).toThrow("EIO");
    expect(fs.readdirSync(folder)).toEqual([]);
    acquireLock(nodeVfs, store).release();
  });
});

describe("a second opener in the same process", () => {
  it.each([
    ["node", () => nodeVfs],
    ["memory", () => new MemoryVfs()],
    ["faulty", () => new FaultyVfs()],
  ])("is told so, and where the first one is, on %s", (name, make) => {
    const vfs = make();
    const path = name === "node" ? store : "/db";
    const lock = acquireLock(vfs, path);
    const error = refusal({ timeoutMs: 60_000 }, vfs, path);
    expect(error.message).toMatch(/is open in this process already, opened at .*lock\.test\.ts:\d+/);
    expect(error.holder).toMatchObject({ pid: process.pid, thread: 0 });
    expect(error.holder?.openedAt).toContain("lock.test.ts");
    expect(readLock(vfs, path).state).toBe("alive");
    lock.release();
    acquireLock(vfs, path).release();
  });

  it("is told by another copy of the package too", () => {
    const lock = acquireLock(nodeVfs, store);
    const home = globalThis as { [key: symbol]: { shared: Map<string, unknown> } | undefined };
    expect(home[Symbol.for("espalier.locks.1")]?.shared.has(store)).toBe(true);
    // A copy that did not share the registry still meets the lock file.
    home[Symbol.for("espalier.locks.1")]?.shared.clear();
    expect(refusal().message).toMatch(/open in this process already, in thread 0, opened at .*lock\.test/);
    lock.release();
  });

  it("is recognised by a link, another spelling, or another hard link of the store", () => {
    fs.writeFileSync(store, "");
    fs.symlinkSync("db", join(folder, "by-link"));
    fs.symlinkSync(folder, join(folder, "here"));
    fs.linkSync(store, join(folder, "twin"));
    const lock = acquireLock(nodeVfs, join(folder, "by-link"));
    expect(lock.path).toBe(`${store}-lock`);
    for (const name of ["db", "./x/../db", "by-link", "here/db", "twin"]) {
      expect(() => acquireLock(nodeVfs, `${folder}/${name}`)).toThrow("open in this process already");
    }
    lock.release();
    acquireLock(nodeVfs, join(folder, "twin")).release();
  });

  it("is recognised by names that the store's file got since it was made, or was given another one", () => {
    const lock = acquireLock(nodeVfs, store);
    fs.writeFileSync(store, "");
    const file = nodeVfs.open(store, "write");
    lock.fileOpened();
    fs.linkSync(store, join(folder, "twin"));
    expect(() => acquireLock(nodeVfs, join(folder, "twin"))).toThrow("open in this process already");
    fs.renameSync(store, join(folder, "renamed"));
    expect(() => acquireLock(nodeVfs, join(folder, "renamed"))).toThrow("open in this process already");
    file.close();
    lock.release();
    lock.fileOpened();
    acquireLock(nodeVfs, join(folder, "twin")).release();
  });

  it("is not mistaken for one whose file's place on the disk was given to another file", () => {
    fs.writeFileSync(store, "");
    const lock = acquireLock(nodeVfs, store);
    fs.renameSync(store, join(folder, "other"));
    fs.writeFileSync(store, "");
    acquireLock(nodeVfs, join(folder, "other")).release();
    lock.release();
  });

  it("two file systems in memory have nothing to do with each other", () => {
    const one = acquireLock(new MemoryVfs(), "/db");
    const two = acquireLock(new MemoryVfs(), "/db");
    one.release();
    two.release();
  });

  it("a simulated crash ends the locks", () => {
    const vfs = new FaultyVfs();
    const lock = acquireLock(vfs, "/db");
    vfs.crashNow();
    acquireLock(vfs.processKill(1), "/db").release();
    acquireLock(vfs.powerCut("mixed", 1), "/db").release();
    lock.release();
  });
});

describe("a lock file that was left", () => {
  it.each([
    ["its process does not exist", {}],
    ["its pid is another process now", { pid: process.pid, started: 1 }],
    ["the machine was started again", { boot: "another", pid: process.pid }],
    [
      "its thread was terminated",
      { pid: process.pid, started: ownIdentity().started, task: 2 ** 22 + 1, taskStarted: 5, thread: 9 },
    ],
  ])("is taken over where %s", (_case, changes) => {
    leaveLock("db-lock", changes);
    expect(readLock(nodeVfs, store).state).toBe("dead");
    const lock = acquireLock(nodeVfs, store);
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
    expect(JSON.parse(fs.readFileSync(lock.path, "utf8")).pid).toBe(process.pid);
    lock.release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("is kept where its holder's clock counts from another moment, and its pid is somebody's", () => {
    leaveLock("db-lock", { pid: process.pid, started: 1, timeNamespace: "time:[1]" });
    expect(readLock(nodeVfs, store).state).toBe("unknown");
    expect(refusal().message).toContain(`espalier unlock ${store}`);
    leaveLock("db-lock", { timeNamespace: "time:[1]" });
    expect(readLock(nodeVfs, store).state).toBe("dead");
  });

  it.each([
    ["another machine", { host: "elsewhere", machine: "other", boot: "other" }],
    ["another machine of the same name", { machine: "other", boot: "other" }],
    ["a pid namespace that can't be seen", { pidNamespace: "pid:[1]" }],
    ["a machine without an identity", { machine: "", boot: "" }],
  ])("is kept, and the way out named, where it is of %s", (_case, changes) => {
    leaveLock("db-lock", changes);
    expect(readLock(nodeVfs, store).state).toBe("unknown");
    const error = refusal();
    expect(error.message).toContain(`espalier unlock ${store}`);
    expect(error.message).toContain(`process ${2 ** 22 + 1}`);
    expect(error.holder).toMatchObject({ pid: 2 ** 22 + 1, since: 1000 });
    expect(error.holder?.openedAt).toBeUndefined();
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
  });

  it("is kept where its process lives", () => {
    const parent = fs.readFileSync(`/proc/${process.ppid}/stat`, "utf8");
    const started = Number(parent.slice(parent.lastIndexOf(")") + 2).split(" ")[19]);
    leaveLock("db-lock", { pid: process.ppid, started, task: process.ppid, taskStarted: started });
    const error = refusal({ timeoutMs: 30 });
    expect(error.message).toContain(`process ${process.ppid} on ${hostname()} since 1970-01-01`);
    expect(error.message).not.toContain("espalier unlock");
    expect(() => forceUnlock(nodeVfs, store)).toThrow("which is running");
    expect(forceUnlock(nodeVfs, store, { evenIfAlive: true })).toMatchObject({ pid: process.ppid });
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("is not waited for without end where the program has stopped its clocks", () => {
    leaveLock("db-lock", { ...ownIdentity(), thread: 7 });
    vi.useFakeTimers();
    let waits = 0;
    const vfs = altered({
      open(file, mode) {
        if (++waits > 200) throw new Error("it waits without end");
        return nodeVfs.open(file, mode);
      },
    });
    try {
      expect(refusal({ timeoutMs: 30 }, vfs).message).toContain("in thread 7");
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ["empty", ""],
    ["not JSON", "{"],
    ["of another kind", "[1, 2]"],
    ["without a nonce", JSON.stringify({ ...ownIdentity(), since: 1, openedAt: "" })],
    [
      "with a nonce that is a path",
      JSON.stringify({ ...ownIdentity(), since: 1, openedAt: "", nonce: "../x" }),
    ],
    [
      "of a time that no clock shows",
      JSON.stringify({ ...ownIdentity(), since: 9e15, openedAt: "", nonce: newNonce() }),
    ],
    ["huge", "x".repeat(100_000)],
  ])("is kept where it is %s", (_case, text) => {
    fs.writeFileSync(`${store}-lock`, text);
    const error = refusal();
    expect(error.message).toContain("names no holder");
    expect(error.message).toContain("espalier unlock");
    expect(fs.readFileSync(`${store}-lock`, "utf8")).toBe(text);
    expect(readLock(nodeVfs, store)).toMatchObject({ state: "unreadable", holder: undefined });
    expect(forceUnlock(nodeVfs, store)).toBeUndefined();
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});

describe("by hand", () => {
  it("a lock is removed with all that lies around it", () => {
    const nonce = leaveLock("db-lock", { host: "elsewhere", machine: "other", boot: "other" });
    leaveLock(`db-lock.${nonce}.takeover`, { host: "third", machine: "other", boot: "other" });
    leaveLock(`db-lock.${newNonce()}.newcomer`, { host: "third", machine: "other", boot: "other" });
    fs.writeFileSync(join(folder, "db-lock.notes"), "mine");
    expect(forceUnlock(nodeVfs, store)).toMatchObject({ host: "elsewhere", since: 1000 });
    expect(fs.readdirSync(folder)).toEqual(["db-lock.notes"]);
    expect(forceUnlock(nodeVfs, store)).toBeUndefined();
  });

  it("one whose file could not be removed when it was let go is taken over by the thread that had it", () => {
    let full = false;
    const vfs = altered({
      open(file, mode) {
        if (full) throw new IoError(file, "open", "EMFILE");
        return nodeVfs.open(file, mode);
      },
    });
    const lock = acquireLock(vfs, store);
    full = true;
    expect(() => lock.release()).toThrow("EMFILE");
    full = false;
    expect(readLock(vfs, store).state).toBe("dead");
    const next = acquireLock(vfs, store);
    expect(() => acquireLock(vfs, store)).toThrow("is open in this process already");
    next.release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  /** Story: a disk that had run full under its file system lost the removal of the lock, and the process waited for itself. */
  it("one that comes back after it was let go is taken over by the thread that had it", () => {
    const lock = acquireLock(nodeVfs, store);
    const text = fs.readFileSync(lock.path);
    lock.release();
    fs.writeFileSync(lock.path, text);
    expect(readLock(nodeVfs, store).state).toBe("dead");
    const next = acquireLock(nodeVfs, store);
    fs.writeFileSync(join(folder, "other-lock"), fs.readFileSync(next.path)); // Of a store that is open: not let go.
    expect(refusal({}, nodeVfs, join(folder, "other")).holder?.pid).toBe(process.pid);
    next.release();
    acquireLock(nodeVfs, join(folder, "other")).release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it.each([Number.NaN, undefined, -1, 1.5, 9e15])("is let go where Date.now() says %s", (time) => {
    const clock = vi.spyOn(Date, "now").mockReturnValue(time as number);
    try {
      const lock = acquireLock(nodeVfs, store);
      expect(readLock(nodeVfs, store)).toMatchObject({ state: "alive", holder: { pid: process.pid } });
      lock.release();
    } finally {
      clock.mockRestore();
    }
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("a released lock does not take away the one that came after it", () => {
    const lock = acquireLock(nodeVfs, store);
    forceUnlock(nodeVfs, store, { evenIfAlive: true });
    leaveLock("db-lock", { host: "elsewhere", machine: "other", boot: "other" });
    lock.release();
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
  });
});

/** Story: after a crash, the claim's name was too long for a store that had been opened, and no process got by. */
describe("where", () => {
  it.each(["EPERM", "ENOTSUP"])("there are no hard links (%s), the lock works all the same", (errno) => {
    const vfs = altered({
      link: (_from, to) => {
        throw new IoError(to, "link", errno);
      },
    });
    const lock = acquireLock(vfs, store);
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
    expect(() => acquireLock(vfs, store)).toThrow(LockedError);
    lock.release();
    leaveLock("db-lock", {});
    const taken = acquireLock(vfs, store);
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
    taken.release();
    leaveLock("db-lock", { host: "elsewhere", machine: "other", boot: "other" });
    expect(refusal({}, vfs).holder?.host).toBe("elsewhere");
  });

  it("an answer of link got lost, the lock is seen to be one's own", () => {
    const vfs = altered({
      link: (from, to) => {
        nodeVfs.link(from, to);
        throw new IoError(to, "link", "EEXIST");
      },
    });
    acquireLock(vfs, store).release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it.each(["EROFS", "EACCES", "ENOSPC"])(
    "nothing can be written (%s), a reader goes on without a lock file",
    (errno) => {
      const vfs = altered({
        open: (path, mode) => {
          if (mode === "create" && errno === "ENOSPC") throw new DiskFullError(errno);
          if (mode === "create") throw new IoError(path, "open", errno);
          return nodeVfs.open(path, mode);
        },
      });
      const full = errno === "ENOSPC";
      expect(() => acquireLock(vfs, store)).toThrow(full ? errno : `create ${store}-lock failed: ${errno} (`);
      const lock = acquireLock(vfs, store, { readOnly: true });
      expect(lock.onDisk).toBe(false);
      expect(() => acquireLock(vfs, store, { readOnly: true })).toThrow("open in this process already");
      lock.release();
      leaveLock("db-lock", {});
      acquireLock(vfs, store, { readOnly: true }).release();
      expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
      leaveLock("db-lock", { host: "elsewhere", machine: "other", boot: "other" });
      expect(refusal({ readOnly: true }, vfs).holder?.host).toBe("elsewhere");
    },
  );
});
