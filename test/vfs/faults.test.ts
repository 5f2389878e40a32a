/** That each fault strikes the calls it should, and does to the disk what it stands for. */

import { describe, expect, it } from "vitest";
import { DiskFullError, IoError } from "../../src/base/errors.js";
import { FAULT_KINDS, type FaultKind } from "../../src/vfs/faults.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { INTERRUPTIONS_MAX, readExactly, readFully, writeFully } from "../../src/vfs/whole-io.js";

const SEEDS = 200;

function bytesOf(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function content(vfs: Vfs, path: string): Uint8Array {
  const file = vfs.open(path, "read");
  const bytes = new Uint8Array(file.size());
  readExactly(file, bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

/** A synced file of 8 old bytes (1), and then 4 unsynced new ones (2) at its start. */
function withPending(seed: number): { vfs: FaultyVfs; file: VfsFile } {
  const vfs = new FaultyVfs({ seed });
  const file = vfs.open("/a", "create");
  vfs.syncFolderOf("/a");
  file.write(bytesOf(8, 1), 0, 8, 0);
  file.sync();
  file.write(bytesOf(4, 2), 0, 4, 0);
  return { vfs, file };
}

function strikeNext(vfs: FaultyVfs, kind: FaultKind, lasts: "once" | "forever" = "once"): void {
  vfs.faults = [{ kind, at: vfs.calls + 1, lasts }];
}

const durable = (vfs: FaultyVfs): string => content(vfs.powerCutImage("dropped", 1), "/a").join("");
const cached = (vfs: FaultyVfs): string => content(vfs.live, "/a").join("");

describe("which calls can fail", () => {
  /** One call of each kind, by name; each gets a file system of its own. */
  const calls: Record<string, (vfs: FaultyVfs) => () => unknown> = {
    open: (vfs) => () => vfs.open("/a", "read"),
    create: (vfs) => () => vfs.open("/new", "create"),
    read: (vfs) => on(vfs, "read", (file) => file.read(bytesOf(4, 0), 0, 4, 0)),
    write: (vfs) => on(vfs, "write", (file) => file.write(bytesOf(4, 2), 0, 4, 0)),
    "write-through": (vfs) => on(vfs, "write-through", (file) => file.write(bytesOf(4, 2), 0, 4, 0)),
    sync: (vfs) => on(vfs, "write", (file) => file.sync()),
    size: (vfs) => on(vfs, "read", (file) => file.size()),
    truncate: (vfs) => on(vfs, "write", (file) => file.truncate(2)),
    close: (vfs) => on(vfs, "write", (file) => file.close()),
    stat: (vfs) => () => vfs.stat("/a"),
    unlink: (vfs) => () => vfs.unlink("/a"),
    rename: (vfs) => () => vfs.rename("/a", "/b"),
    link: (vfs) => () => vfs.link("/a", "/b"),
    list: (vfs) => () => vfs.list("/"),
    "remove-folder": (vfs) => () => vfs.removeFolder("/folder"),
    "sync-folder": (vfs) => () => vfs.syncFolderOf("/a"),
  };

  function on(vfs: FaultyVfs, mode: "read" | "write" | "write-through", call: (file: VfsFile) => unknown) {
    const file = vfs.open("/a", mode);
    return () => call(file);
  }

  const changes = "create write write-through truncate unlink rename link remove-folder";
  const strikes: Record<FaultKind, string> = {
    EIO: Object.keys(calls)
      .filter((name) => name !== "close")
      .join(" "),
    EINTR: Object.keys(calls)
      .filter((name) => name !== "close")
      .join(" "),
    ENOSPC: "create write write-through sync truncate rename link sync-folder",
    EDQUOT: "create write write-through sync truncate rename link sync-folder",
    EMFILE: "open create list sync-folder",
    EROFS: changes,
    short: "read write write-through",
    "lost-sync": "write-through sync sync-folder",
  };

  function ready(): FaultyVfs {
    const disk = new MemoryVfs();
    disk.makeFolder("/folder");
    disk.open("/a", "create").write(bytesOf(8, 1), 0, 8, 0);
    return new FaultyVfs({ disk });
  }

  it.each(FAULT_KINDS)("%s", (kind) => {
    const struck: string[] = [];
    for (const [name, make] of Object.entries(calls)) {
      const vfs = ready();
      const call = make(vfs);
      const names = vfs.live.list("/").join();
      strikeNext(vfs, kind);
      let error: unknown;
      try {
        call();
      } catch (thrown) {
        error = thrown;
      }
      if (vfs.faultsHit === 0) {
        expect(error).toBeUndefined();
        continue;
      }
      struck.push(name);
      if (kind === "short") expect(error).toBeUndefined();
      else if (kind === "ENOSPC" || kind === "EDQUOT") expect(error).toBeInstanceOf(DiskFullError);
      else expect(error).toMatchObject({ name: "IoError", errno: kind === "lost-sync" ? "EIO" : kind });
      // Whatever failed, no name has changed; and the fault was for one call.
      expect(vfs.live.list("/").join()).toBe(names);
      expect(vfs.open("/a", "write").write(bytesOf(4, 2), 0, 4, 0)).toBe(4);
    }
    expect(struck.sort()).toEqual(strikes[kind].split(" ").sort());
  });

  it("strikes once at its number, or from it on", () => {
    for (const lasts of ["once", "forever"] as const) {
      const { vfs, file } = withPending(1);
      vfs.faults = [{ kind: "EIO", at: vfs.calls + 2, lasts }];
      file.sync();
      expect(() => file.sync()).toThrow("EIO");
      if (lasts === "once") file.sync();
      else expect(() => file.sync()).toThrow("EIO");
    }
  });
});

describe("a sync that fails", () => {
  it.each(["EIO", "EINTR", "ENOSPC"] as const)("with %s leaves the writes unsynced", (kind) => {
    const { vfs, file } = withPending(1);
    strikeNext(vfs, kind);
    expect(() => file.sync()).toThrow(kind);
    expect(durable(vfs)).toBe("11111111");
    file.sync();
    expect(durable(vfs)).toBe("22221111");
  });

  it("for good takes the writes with it: later syncs succeed and bring nothing back", () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const { vfs, file } = withPending(seed);
      file.write(bytesOf(2, 3), 0, 2, 6);
      strikeNext(vfs, "lost-sync");
      expect(() => file.sync()).toThrow(IoError);
      const lost = durable(vfs);
      file.write(bytesOf(1, 4), 0, 1, 5);
      file.sync();
      expect(durable(vfs)).toBe(`${lost.slice(0, 5)}4${lost.slice(6)}`);
      seen.add(`${lost} ${cached(vfs) === durable(vfs) ? "not in cache" : "in cache"}`);
    }
    expect(seen).toContain("11111111 in cache");
    expect(seen).toContain("11111111 not in cache");
    expect(seen).toContain("22221111 in cache");
    expect(seen).toContain("11111133 not in cache");
  });

  it("in the background loses what it covered, not what came later", async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const { vfs, file } = withPending(seed);
      strikeNext(vfs, "lost-sync");
      const sync = file.syncAsync();
      file.write(bytesOf(2, 3), 0, 2, 6);
      await expect(sync).rejects.toThrow(IoError);
      expect(cached(vfs).slice(6)).toBe("33");
      file.sync();
      expect(durable(vfs).slice(6)).toBe("33");
    }
  });

  it("in a write-through write is a lost write", () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const { vfs } = withPending(seed);
      const through = vfs.open("/a", "write-through");
      strikeNext(vfs, "lost-sync");
      expect(() => through.write(bytesOf(2, 3), 0, 2, 6)).toThrow(IoError);
      through.sync();
      seen.add(`${durable(vfs).slice(6)} ${cached(vfs).slice(6)}`);
    }
    expect(seen).toEqual(new Set(["11 11", "11 33", "33 33"]));
  });
});

describe("a write that fails", () => {
  it("may have moved any part, which is not durable", () => {
    const parts = new Set<number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const { vfs } = withPending(seed);
      const through = vfs.open("/a", "write-through");
      strikeNext(vfs, "EIO");
      expect(() => through.write(bytesOf(4, 3), 0, 4, 4)).toThrow("EIO");
      expect(durable(vfs)).toBe("11111111");
      parts.add(cached(vfs).split("3").length - 1);
    }
    expect(parts).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it.each(["EINTR", "EROFS"] as const)("with %s has moved nothing", (kind) => {
    for (let seed = 0; seed < 20; seed++) {
      const { vfs, file } = withPending(seed);
      strikeNext(vfs, kind);
      expect(() => file.write(bytesOf(4, 3), 0, 4, 4)).toThrow(kind);
      expect(cached(vfs)).toBe("22221111");
    }
  });
});

describe("a small disk", () => {
  it("takes what fits, then nothing; what is there can be overwritten, and unlinking makes room", () => {
    const vfs = new FaultyVfs({ capacityBytes: 100 });
    const file = vfs.open("/a", "create");
    expect(file.write(bytesOf(80, 1), 0, 80, 0)).toBe(80);
    const other = vfs.open("/b", "create");
    expect(other.write(bytesOf(50, 1), 0, 50, 0)).toBe(20);
    expect(() => other.write(bytesOf(30, 1), 0, 30, 20)).toThrow(DiskFullError);
    expect(() => file.truncate(81)).toThrow(DiskFullError);
    expect(file.write(bytesOf(80, 2), 0, 80, 0)).toBe(80);
    expect(file.write(bytesOf(10, 2), 0, 10, 75)).toBe(5);
    vfs.unlink("/a");
    expect(other.write(bytesOf(80, 1), 0, 80, 20)).toBe(80);
  });
});

describe("the loops of whole-io", () => {
  it("finish what short reads and writes leave, whatever their sizes", () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const vfs = new FaultyVfs({ seed, faults: [{ kind: "short", at: 1, lasts: "forever" }] });
      const file = vfs.open("/a", "create");
      const data = Uint8Array.from({ length: 50 }, (_, index) => index);
      writeFully(file, data, 10, 40, 5);
      expect(vfs.faultsHit).toBeGreaterThan(1);
      const target = new Uint8Array(50);
      expect(readFully(file, target, 3, 47, 5)).toBe(40);
      expect([...target.subarray(3, 43)]).toEqual([...data.subarray(10)]);
      expect(file.size()).toBe(45);
    }
  });

  it("repeat what was interrupted, but not for ever", () => {
    const { vfs, file } = withPending(1);
    strikeNext(vfs, "EINTR");
    writeFully(file, bytesOf(4, 3), 0, 4, 4);
    strikeNext(vfs, "EINTR");
    readExactly(file, new Uint8Array(8), 0, 8, 0);
    expect(vfs.faultsHit).toBe(2);
    expect(cached(vfs)).toBe("22223333");
    strikeNext(vfs, "EINTR", "forever");
    const before = vfs.calls;
    expect(() => writeFully(file, bytesOf(4, 3), 0, 4, 4)).toThrow("EINTR");
    expect(() => readFully(file, new Uint8Array(8), 0, 8, 0)).toThrow("EINTR");
    expect(vfs.calls - before).toBe(2 * (INTERRUPTIONS_MAX + 1));
  });

  it("take a write that moves nothing for an error", () => {
    const { file } = withPending(1);
    const stuck = Object.create(file, { write: { value: () => 0 }, path: { value: "/a" } }) as VfsFile;
    expect(() => writeFully(stuck, bytesOf(4, 3), 0, 4, 0)).toThrow("EIO");
    writeFully(stuck, bytesOf(4, 3), 0, 0, 0);
  });

  it("pass every other failure on", () => {
    const { vfs, file } = withPending(1);
    strikeNext(vfs, "EIO");
    expect(() => writeFully(file, bytesOf(4, 3), 0, 4, 0)).toThrow("EIO");
    strikeNext(vfs, "ENOSPC");
    expect(() => writeFully(file, bytesOf(4, 3), 0, 4, 0)).toThrow(DiskFullError);
    strikeNext(vfs, "EIO");
    expect(() => readExactly(file, bytesOf(4, 3), 0, 4, 0)).toThrow("EIO");
  });
});

it("the trace has a line for every call", () => {
  const vfs = new FaultyVfs({ trace: true, faults: [{ kind: "short", at: 2, lasts: "once" }] });
  const file = vfs.open("/a", "create");
  file.write(bytesOf(8, 1), 0, 8, 16);
  file.truncate(4);
  vfs.rename("/a", "/b");
  expect(vfs.traceText().replaceAll(/ +/g, " ")).toBe(
    " 1 create /a\n 2 write /a at 16 length 8 struck by short\n 3 truncate /a at 4\n 4 rename /a /b",
  );
});
