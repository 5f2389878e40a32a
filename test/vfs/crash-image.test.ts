/** That each way of losing unsynced writes does what its name says: all of it, and nothing more. */

import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, POWER_CUTS, type PowerCut, SECTOR_BYTES } from "../../src/vfs/crash-image.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { readExactly, writeFully } from "../../src/vfs/whole-io.js";

const SEEDS = 300;
const OLD = 1;
const NEW = 2;

function fill(file: VfsFile, value: number, length: number, position: number): void {
  writeFully(file, new Uint8Array(length).fill(value), 0, length, position);
}

function content(vfs: Vfs, path: string): Uint8Array {
  const file = vfs.open(path, "read");
  const bytes = new Uint8Array(file.size());
  readExactly(file, bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

/** A synced file "/a" of old bytes, open for writing. */
function withOldFile(sectors: number): { vfs: FaultyVfs; file: VfsFile } {
  const vfs = new FaultyVfs();
  const file = vfs.open("/a", "create");
  fill(file, OLD, sectors * SECTOR_BYTES, 0);
  file.sync();
  vfs.syncFolderOf("/a");
  return { vfs, file };
}

function images(vfs: FaultyVfs, policy: PowerCut): MemoryVfs[] {
  return Array.from({ length: SEEDS }, (_, seed) => vfs.powerCutImage(policy, seed));
}

/** "o" for an old sector, "n" for a new one, "0" for zeros, "x" for anything else. */
function sectorsOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
    const sector = bytes.subarray(at, at + SECTOR_BYTES);
    const whole = (value: number): boolean => sector.every((byte) => byte === value);
    text += whole(OLD) ? "o" : whole(NEW) ? "n" : whole(0) ? "0" : "x";
  }
  return text;
}

function outcomes(vfs: FaultyVfs, policy: PowerCut): Set<string> {
  return new Set(images(vfs, policy).map((image) => sectorsOf(content(image, "/a"))));
}

describe("content", () => {
  it.each(POWER_CUTS)("keeps what was synced, policy %s", (policy) => {
    const { vfs, file } = withOldFile(4);
    fill(file, NEW, 1024, 0);
    file.sync();
    const other = vfs.open("/b", "create");
    fill(other, NEW, 1024, 0);
    expect(outcomes(vfs, policy)).toEqual(new Set(["nnoo"]));
  });

  it("dropped: nothing unsynced; applied: all of it", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 512, 0);
    fill(file, NEW, 512, 1024);
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["oo"]));
    expect(outcomes(vfs, "applied")).toEqual(new Set(["non"]));
    file.truncate(512);
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["oo"]));
    expect(outcomes(vfs, "applied")).toEqual(new Set(["n"]));
  });

  it("subset: every choice of writes, so that later ones are there without earlier ones", () => {
    const { vfs, file } = withOldFile(3);
    for (let sector = 0; sector < 3; sector++) fill(file, NEW, 512, sector * 512);
    expect([...outcomes(vfs, "subset")].sort()).toEqual(
      ["nnn", "nno", "non", "noo", "onn", "ono", "oon", "ooo"].sort(),
    );
  });

  it("subset: of writes to one place the latest that survives is seen", () => {
    const { vfs, file } = withOldFile(1);
    fill(file, 0, 512, 0);
    fill(file, NEW, 512, 0);
    expect(outcomes(vfs, "subset")).toEqual(new Set(["o", "0", "n"]));
  });

  it("in-order: never a later write without the earlier ones, across files", () => {
    const { vfs, file } = withOldFile(2);
    const other = vfs.open("/b", "create");
    vfs.syncFolderOf("/b");
    fill(file, NEW, 512, 0);
    fill(other, NEW, 512, 0);
    fill(file, NEW, 512, 512);
    const seen = new Set<string>();
    for (const image of images(vfs, "in-order")) {
      const a = sectorsOf(content(image, "/a"));
      const b = sectorsOf(content(image, "/b"));
      if (a[1] !== "o") expect(b).toBe("n");
      if (b.includes("n") || a[1] !== "o") expect(a[0]).toBe("n");
      seen.add(a[0] !== "n" ? "none" : a[1] === "o" ? "first" : "last");
    }
    expect(seen.size).toBe(3);
  });

  it("torn-sectors: whole sectors, any of them", () => {
    const { vfs, file } = withOldFile(3);
    fill(file, NEW, 3 * 512, 0);
    expect(outcomes(vfs, "torn-sectors")).toEqual(
      new Set(["nnn", "nno", "non", "noo", "onn", "ono", "oon", "ooo"]),
    );
  });

  it("torn-sectors: sectors are those of the file, not of the write", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 512, 256);
    const seen = new Set<string>();
    for (const image of images(vfs, "torn-sectors")) {
      const bytes = content(image, "/a");
      expect(new Set(bytes.subarray(256, 512)).size).toBe(1);
      expect(new Set(bytes.subarray(512, 768)).size).toBe(1);
      seen.add(`${bytes[256]}${bytes[512]}`);
    }
    expect(seen.size).toBe(4);
  });

  it("torn-anywhere: one cut, at odd places too, and both ends can be what is left", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 1024, 0);
    const cuts = new Set<number>();
    const ends = new Set<string>();
    for (const image of images(vfs, "torn-anywhere")) {
      const bytes = content(image, "/a");
      let changes = 0;
      for (let at = 1; at < bytes.length; at++) {
        if (bytes[at] === bytes[at - 1]) continue;
        changes++;
        cuts.add(at);
        ends.add(bytes[0] === NEW ? "head" : "tail");
      }
      expect(changes).toBeLessThanOrEqual(1);
    }
    expect([...cuts].filter((cut) => cut % 512 !== 0).length).toBeGreaterThan(50);
    expect(ends.size).toBe(2);
  });

  it("garbage: ruins whole sectors that the write touched, and no other", () => {
    const { vfs, file } = withOldFile(5);
    fill(file, NEW, 700, 1100); // In sectors 2 and 3.
    const seen = new Set<string>();
    for (const image of images(vfs, "garbage")) {
      const bytes = content(image, "/a");
      expect(sectorsOf(bytes.subarray(0, 1024))).toBe("oo");
      expect(sectorsOf(bytes.subarray(2048))).toBe("o");
      for (const sector of [bytes.subarray(1024, 1536), bytes.subarray(1536, 2048)]) {
        const garbled = sector.some((byte) => byte > NEW);
        seen.add(garbled ? "garbage" : sector.includes(NEW) ? "new" : "old");
        if (garbled) expect(new Set(sector).size).toBeGreaterThan(100);
      }
    }
    expect(seen).toEqual(new Set(["garbage", "new", "old"]));
  });

  it("garbage-blocks: ruins whole blocks that the write touched, the rest of them included, and no other", () => {
    const { vfs, file } = withOldFile((3 * BLOCK_BYTES) / SECTOR_BYTES);
    fill(file, NEW, 100, BLOCK_BYTES + 600);
    const seen = new Set<string>();
    for (const image of images(vfs, "garbage-blocks")) {
      const bytes = content(image, "/a");
      expect(bytes.length).toBe(3 * BLOCK_BYTES);
      const [before, block, after] = [0, 1, 2].map((at) =>
        bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES),
      );
      expect([before, after].every((other) => other?.every((byte) => byte === OLD))).toBe(true);
      const sectors = sectorsOf(block ?? bytes);
      seen.add(sectors === "xxxxxxxx" ? "garbage" : sectors === "oxoooooo" ? "new" : sectors);
    }
    expect(seen).toEqual(new Set(["garbage", "new", "oooooooo"]));
  });

  it("size-only: the new size, zeros beyond the old end, the old bytes before it", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 1024, 512);
    fill(file, NEW, 512, 2048);
    expect(outcomes(vfs, "size-only")).toEqual(new Set(["oo000"]));
  });

  it("torn and garbage: the size may have been written or not", () => {
    for (const policy of ["torn-sectors", "torn-anywhere", "garbage"] as const) {
      const { vfs, file } = withOldFile(1);
      fill(file, NEW, 4 * 512, 512);
      const sizes = new Set(images(vfs, policy).map((image) => content(image, "/a").length));
      expect(sizes.size).toBeGreaterThan(1);
      expect(Math.max(...sizes)).toBe(5 * 512);
    }
  });

  it("mixed: every kind of outcome", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 1024, 512);
    const seen = outcomes(vfs, "mixed");
    for (const outcome of ["onn", "oo", "oo0", "on", "oon"]) expect(seen).toContain(outcome);
    expect([...seen].some((text) => text.includes("x"))).toBe(true);
  });
});

describe("written through", () => {
  it.each(POWER_CUTS)("is durable on return and stays above older unsynced writes, policy %s", (policy) => {
    const { vfs, file } = withOldFile(3);
    const through = vfs.open("/a", "write-through");
    fill(through, NEW, 512, 1024);
    fill(file, 0, 1024, 0);
    fill(through, NEW, 512, 512);
    for (const outcome of outcomes(vfs, policy)) {
      if (policy === "garbage" || policy === "mixed") expect(outcome.slice(1)).toBe("nn");
      // All three sectors are of the block that the older write may have ruined.
      else if (policy === "garbage-blocks") expect(outcome[1]).toBe("n");
      else expect(outcome).toMatch(policy === "applied" ? /^0nn$/ : /^.nn$/);
    }
    file.sync();
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["0nn"]));
  });

  it("is not durable while it is in flight", () => {
    const { vfs } = withOldFile(2);
    const through = vfs.open("/a", "write-through");
    vfs.crashAt = vfs.calls + 1;
    expect(() => fill(through, NEW, 1024, 0)).toThrow(CrashSignal);
    expect(outcomes(vfs, "torn-sectors")).toEqual(new Set(["oo", "no", "on", "nn"]));
  });
});

describe("names", () => {
  it("a rename that replaces a file reaches the folder whole or not, its content on its own", () => {
    const { vfs } = withOldFile(1);
    const fresh = vfs.open("/a.new", "create");
    fill(fresh, NEW, 512, 0);
    vfs.rename("/a.new", "/a");
    const seen = new Set<string>();
    for (const image of images(vfs, "subset")) {
      seen.add(image.list("/").join() + sectorsOf(content(image, "/a")));
    }
    // Nothing; created; renamed with its content; renamed without.
    expect(seen).toEqual(new Set(["ao", "a,a.newo", "an", "a"]));
  });

  it("a file synced before its rename is whole under either name", () => {
    const { vfs } = withOldFile(1);
    const fresh = vfs.open("/a.new", "create");
    fill(fresh, NEW, 512, 0);
    fresh.sync();
    vfs.rename("/a.new", "/a");
    expect(outcomes(vfs, "mixed")).toEqual(new Set(["o", "n"]));
    vfs.syncFolderOf("/a");
    expect(outcomes(vfs, "mixed")).toEqual(new Set(["n"]));
    expect(vfs.powerCutImage("dropped", 1).list("/")).toEqual(["a"]);
  });

  it("creations, links and unlinks are there or not, in the order of each name", () => {
    const { vfs } = withOldFile(1);
    vfs.unlink("/a");
    vfs.open("/a", "create");
    vfs.link("/a", "/b");
    vfs.open("/c", "create");
    const seen = new Set<string>();
    for (const image of images(vfs, "subset")) {
      const names = image.list("/");
      if (names.includes("b")) {
        expect(names).toContain("a");
        expect(image.stat("/a")?.identity).toBe(image.stat("/b")?.identity);
      }
      const size = names.includes("a") ? `(${content(image, "/a").length})` : "";
      seen.add(`${names.join()}${size}`);
    }
    expect(seen).toEqual(new Set(["a(512)", "", "a(0)", "a,b(0)", "a,c(512)", "c", "a,c(0)", "a,b,c(0)"]));
  });

  it("a folder sync covers its own folder and what that rests on", () => {
    const vfs = new FaultyVfs();
    vfs.makeFolder("/one");
    vfs.makeFolder("/two");
    vfs.open("/one/x", "create");
    vfs.open("/one/y", "create");
    vfs.rename("/one/x", "/two/x");
    vfs.syncFolderOf("/two/x");
    const image = vfs.powerCutImage("dropped", 1);
    expect([image.list("/one"), image.list("/two")]).toEqual([[], ["x"]]);
  });
});

/** Some of everything; acknowledges nothing, is only there to make calls. */
function script(vfs: Vfs): void {
  const a = vfs.open("/a", "create");
  fill(a, NEW, 1500, 0);
  vfs.syncFolderOf("/a");
  a.sync();
  fill(a, 3, 700, 300);
  const b = vfs.open("/b.new", "create");
  fill(b, 4, 600, 0);
  b.sync();
  vfs.rename("/b.new", "/b");
  a.truncate(1000);
  vfs.syncFolderOf("/b");
  vfs.link("/b", "/c");
  const through = vfs.open("/a", "write-through");
  fill(through, 5, 512, 512);
  vfs.unlink("/b");
  for (const file of [a, b, through]) file.close();
}

function everything(vfs: Vfs): string {
  return vfs
    .list("/")
    .map((name) => `${name}:${Buffer.from(content(vfs, `/${name}`)).toString("base64")}`)
    .join("\n");
}

describe("a crash", () => {
  it("ends the process at its call, for good", () => {
    const vfs = new FaultyVfs({ crashAt: 3 });
    expect(() => script(vfs)).toThrow(new CrashSignal(3));
    expect(vfs.crashed).toBe(true);
    expect(() => vfs.list("/")).toThrow(CrashSignal);
    expect(() => vfs.open("/a", "read")).toThrow(CrashSignal);
    expect(vfs.calls).toBe(3);
  });

  it("leaves at each call what a look during that call sees", () => {
    const watched = new FaultyVfs();
    const seen = new Map<number, string>();
    watched.onCall = ({ call }) => {
      const cuts = POWER_CUTS.map((policy) => everything(watched.powerCutImage(policy, call)));
      seen.set(call, [...cuts, everything(watched.processKill(call))].join("\n\n"));
    };
    script(watched);
    expect(seen.size).toBe(watched.calls);
    for (let call = 1; call <= watched.calls; call++) {
      const vfs = new FaultyVfs({ crashAt: call });
      expect(() => script(vfs)).toThrow(CrashSignal);
      const cuts = POWER_CUTS.map((policy) => everything(vfs.powerCutImage(policy, call)));
      expect([...cuts, everything(vfs.processKill(call))].join("\n\n")).toBe(seen.get(call));
    }
  });

  it("gives one image for one seed, and looking changes nothing", () => {
    const vfs = new FaultyVfs();
    script(vfs);
    const before = everything(vfs.live);
    for (const policy of POWER_CUTS) {
      const image = vfs.powerCut(policy, 7);
      const first = everything(image.live);
      const file = image.open("/a", "write");
      fill(file, 9, 5000, 0);
      expect(everything(vfs.powerCutImage(policy, 7))).toBe(first);
    }
    expect(everything(vfs.live)).toBe(before);
  });

  it("can be followed by others, to depth 3, each with its own unsynced writes", () => {
    let vfs = new FaultyVfs();
    const file = vfs.open("/a", "create");
    vfs.syncFolderOf("/a");
    fill(file, OLD, 512, 0);
    for (let depth = 1; depth <= 3; depth++) {
      vfs = vfs.powerCut("applied", depth);
      const again = vfs.open("/a", "write");
      fill(again, NEW, 512, depth * 512);
    }
    expect(sectorsOf(content(vfs.powerCutImage("dropped", 1), "/a"))).toBe("onn");
    expect(sectorsOf(content(vfs.powerCutImage("applied", 1), "/a"))).toBe("onnn");
  });
});

describe("a killed process", () => {
  it("loses nothing that it wrote, and any part of the call it was in", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 512, 0);
    vfs.open("/b", "create");
    vfs.crashAt = vfs.calls + 1;
    expect(() => fill(file, NEW, 512, 512)).toThrow(CrashSignal);
    const parts = new Set<number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const next = vfs.processKill(seed);
      expect(next.list("/")).toEqual(["a", "b"]);
      const bytes = content(next, "/a");
      expect(sectorsOf(bytes.subarray(0, 512))).toBe("n");
      parts.add(bytes.subarray(512).indexOf(OLD));
    }
    expect(parts.size).toBeGreaterThan(100);
  });

  it("leaves in the page cache what a later power cut still takes", () => {
    const { vfs, file } = withOldFile(2);
    fill(file, NEW, 512, 0);
    vfs.rename("/a", "/b");
    const next = vfs.processKill(1);
    expect(sectorsOf(content(next, "/b"))).toBe("no");
    expect(sectorsOf(content(next.powerCutImage("dropped", 1), "/a"))).toBe("oo");
    next.open("/b", "write").sync();
    expect(sectorsOf(content(next.powerCutImage("dropped", 1), "/a"))).toBe("no");
    next.syncFolderOf("/b");
    expect(next.powerCutImage("dropped", 1).list("/")).toEqual(["b"]);
    expect(sectorsOf(content(vfs.powerCutImage("dropped", 1), "/a"))).toBe("oo");
  });
});

describe("a sync in the background", () => {
  it("is durable when its promise settles, and covers what was written before it began", async () => {
    const { vfs, file } = withOldFile(3);
    fill(file, NEW, 512, 0);
    const sync = file.syncAsync();
    fill(file, NEW, 512, 512);
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["ooo"]));
    await sync;
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["noo"]));
    const second = file.syncAsync();
    file.sync();
    fill(file, NEW, 512, 1024);
    await second;
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["nno"]));
  });

  it("dies with the process", async () => {
    const { vfs, file } = withOldFile(1);
    fill(file, NEW, 512, 0);
    const sync = file.syncAsync();
    vfs.crashNow();
    await expect(sync).rejects.toThrow(CrashSignal);
    expect(outcomes(vfs, "dropped")).toEqual(new Set(["o"]));
  });
});
