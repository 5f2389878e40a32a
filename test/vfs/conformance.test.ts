/** What vfs.ts promises, asked of every file system there is. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IoError } from "../../src/base/errors.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { readExactly, readFully, writeFully } from "../../src/vfs/whole-io.js";

interface Place {
  readonly vfs: Vfs;
  readonly folder: string;
  makeFolder(path: string): void;
  remove(): void;
}

const places: Record<string, () => Place> = {
  node: () => {
    const folder = mkdtempSync(join(nodeVfs.canonical(tmpdir()), "espalier-vfs-"));
    return {
      vfs: nodeVfs,
      folder,
      makeFolder: (path) => mkdirSync(path),
      remove: () => rmSync(folder, { recursive: true }),
    };
  },
  memory: () => {
    const vfs = new MemoryVfs();
    vfs.makeFolder("/place");
    return { vfs, folder: "/place", makeFolder: (path) => vfs.makeFolder(path), remove: () => {} };
  },
  faulty: () => {
    const vfs = new FaultyVfs();
    vfs.makeFolder("/place");
    return { vfs, folder: "/place", makeFolder: (path) => vfs.makeFolder(path), remove: () => {} };
  },
};

function errnoOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof IoError) return error.errno;
    throw error;
  }
  return "none";
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each(Object.entries(places))("%s", (_name, makePlace) => {
  let place: Place;
  let vfs: Vfs;
  let at: (name: string) => string;

  beforeEach(() => {
    place = makePlace();
    vfs = place.vfs;
    at = (name) => `${place.folder}/${name}`;
  });
  afterEach(() => place.remove());

  function put(name: string, text: string): void {
    const file = vfs.open(at(name), "create");
    writeFully(file, bytes(text), 0, bytes(text).length, 0);
    file.close();
  }

  function get(name: string): string {
    const file = vfs.open(at(name), "read");
    const target = new Uint8Array(file.size());
    readExactly(file, target, 0, target.length, 0);
    file.close();
    return new TextDecoder().decode(target);
  }

  it("opens by mode", () => {
    expect(errnoOf(() => vfs.open(at("a"), "read"))).toBe("ENOENT");
    expect(errnoOf(() => vfs.open(at("a"), "write"))).toBe("ENOENT");
    expect(errnoOf(() => vfs.open(at("a"), "write-through"))).toBe("ENOENT");
    expect(errnoOf(() => vfs.open(at("missing/a"), "create"))).toBe("ENOENT");
    expect(vfs.stat(at("missing/a"))).toBeUndefined();
    put("a", "text");
    expect(errnoOf(() => vfs.open(at("a"), "create"))).toBe("EEXIST");
    expect(errnoOf(() => vfs.open(place.folder, "read"))).toBe("EISDIR");
    expect(errnoOf(() => vfs.open(place.folder, "write"))).toBe("EISDIR");
    const file = vfs.open(at("a"), "read");
    expect(errnoOf(() => file.write(bytes("b"), 0, 1, 0))).toBe("EBADF");
    expect(file.path).toBe(at("a"));
    file.close();
    expect(get("a")).toBe("text");
    put("a-file", "");
    expect(errnoOf(() => vfs.open(at("a-file/b"), "create"))).toBe("ENOTDIR");
  });

  it.each(["write", "write-through"] as const)("reads what was written, mode %s", (mode) => {
    put("a", "0123456789");
    const file = vfs.open(at("a"), mode);
    writeFully(file, bytes("xABCx"), 1, 3, 4);
    const target = new Uint8Array(8).fill(7);
    expect(file.read(target, 1, 6, 2)).toBe(6);
    expect(new TextDecoder().decode(target.subarray(1, 7))).toBe("23ABC7");
    expect([target[0], target[7]]).toEqual([7, 7]);
    expect(file.read(target, 0, 8, 10)).toBe(0);
    expect(file.read(target, 0, 8, 1000)).toBe(0);
    expect(file.read(target, 0, 0, 0)).toBe(0);
    expect(readFully(file, target, 0, 8, 7)).toBe(3);
    expect(errnoOf(() => readExactly(file, target, 0, 8, 7))).toBe("EOF");
    expect(errnoOf(() => file.read(target, 4, 8, 0))).toBe("EINVAL");
    expect(errnoOf(() => file.write(target, 4, 8, 0))).toBe("EINVAL");
    file.sync();
    file.close();
    expect(get("a")).toBe("0123ABC789");
  });

  it("grows with zeros, shrinks, and forgets what was cut off", () => {
    const file = vfs.open(at("a"), "create");
    writeFully(file, bytes("end"), 0, 3, 20_000);
    expect(file.size()).toBe(20_003);
    const target = new Uint8Array(20_003).fill(1);
    readExactly(file, target, 0, target.length, 0);
    expect(target.findIndex((byte) => byte !== 0)).toBe(20_000);
    file.truncate(20_001);
    file.truncate(20_010);
    expect(readFully(file, target, 0, 100, 20_000)).toBe(10);
    expect([...target.subarray(0, 10)]).toEqual([..."e".padEnd(10, "\0")].map((c) => c.charCodeAt(0)));
    file.truncate(0);
    expect(file.size()).toBe(0);
    expect(vfs.stat(at("a"))?.size).toBe(0);
    writeFully(file, bytes("kept"), 0, 4, 0);
    for (const wrong of [-1, 0.5, Number.NaN]) {
      expect(errnoOf(() => file.truncate(wrong))).toBe("EINVAL");
      expect(errnoOf(() => file.write(target, 0, 1, wrong))).toBe("EINVAL");
      expect(errnoOf(() => file.read(target, 0, 1, wrong))).toBe("EINVAL");
    }
    expect(file.size()).toBe(4);
    file.close();
  });

  it("agrees with a plain array about random writes and truncations", () => {
    const seed = 20_240;
    const prng = new Prng(seed);
    const file = vfs.open(at("a"), "create");
    let model = new Uint8Array(0);
    const grown = (size: number): Uint8Array<ArrayBuffer> => {
      const next = new Uint8Array(size);
      next.set(model.subarray(0, size));
      return next;
    };
    for (let step = 0; step < 300; step++) {
      if (prng.chance(0.1)) {
        const size = prng.below(50_000);
        file.truncate(size);
        model = grown(size);
      } else {
        const data = new Uint8Array(prng.below(20_000));
        prng.fill(data, 0, data.length);
        const position = prng.below(40_000);
        writeFully(file, data, 0, data.length, position);
        if (data.length > 0 && position + data.length > model.length) model = grown(position + data.length);
        model.set(data, data.length === 0 ? 0 : position);
      }
    }
    expect(file.size()).toBe(model.length);
    const target = new Uint8Array(model.length);
    readExactly(file, target, 0, target.length, 0);
    expect(Buffer.compare(target, model)).toBe(0);
    file.close();
  });

  it("stays closed", async () => {
    const file = vfs.open(at("a"), "create");
    const sync = file.syncAsync();
    file.close();
    file.close();
    await sync;
    expect(file.descriptor).toBe(-1);
    for (const call of [() => file.read(new Uint8Array(1), 0, 1, 0), () => file.size(), () => file.sync()]) {
      expect(errnoOf(call)).toBe("EBADF");
    }
    expect(errnoOf(() => file.write(new Uint8Array(1), 0, 1, 0))).toBe("EBADF");
    expect(errnoOf(() => file.truncate(0))).toBe("EBADF");
    await expect(file.syncAsync()).rejects.toThrow("EBADF");
  });

  it("tells what is behind a name", () => {
    put("a", "12345");
    vfs.link(at("a"), at("b"));
    put("c", "12345");
    const a = vfs.stat(at("a"));
    expect(a).toMatchObject({ kind: "file", size: 5 });
    expect(vfs.stat(at("b"))?.identity).toBe(a?.identity);
    expect(vfs.stat(at("c"))?.identity).not.toBe(a?.identity);
    expect(vfs.stat(place.folder)?.kind).toBe("folder");
    expect(vfs.stat(at("d"))).toBeUndefined();
    expect(vfs.canonical(`${place.folder}/x/../a`)).toBe(at("a"));
    expect(vfs.canonical(at("not-there"))).toBe(at("not-there"));
  });

  it("keeps an unlinked file for those who have it open", () => {
    put("a", "old");
    const file = vfs.open(at("a"), "write");
    vfs.unlink(at("a"));
    put("a", "new");
    const target = new Uint8Array(3);
    readExactly(file, target, 0, 3, 0);
    expect(new TextDecoder().decode(target)).toBe("old");
    writeFully(file, bytes("OLD"), 0, 3, 0);
    file.sync();
    file.close();
    expect(get("a")).toBe("new");
    expect(errnoOf(() => vfs.unlink(at("missing")))).toBe("ENOENT");
  });

  it("renames over what is there, and the open file goes with its name", () => {
    put("a", "aaa");
    put("b", "bbb");
    const file = vfs.open(at("a"), "write");
    vfs.rename(at("a"), at("b"));
    writeFully(file, bytes("X"), 0, 1, 0);
    file.close();
    expect(vfs.list(place.folder)).toEqual(["b"]);
    expect(get("b")).toBe("Xaa");
    expect(errnoOf(() => vfs.rename(at("a"), at("c")))).toBe("ENOENT");
    vfs.link(at("b"), at("c"));
    vfs.rename(at("b"), at("c"));
    expect(vfs.list(place.folder)).toEqual(["b", "c"]);
  });

  it("links a free name only", () => {
    put("a", "aaa");
    put("b", "bbb");
    expect(errnoOf(() => vfs.link(at("a"), at("b")))).toBe("EEXIST");
    expect(errnoOf(() => vfs.link(at("missing"), at("c")))).toBe("ENOENT");
    vfs.link(at("a"), at("c"));
    vfs.unlink(at("a"));
    expect(get("c")).toBe("aaa");
    expect(get("b")).toBe("bbb");
  });

  it("lists folders and removes empty ones", () => {
    for (const name of ["b", "B", "a", "ä"]) put(name, "");
    place.makeFolder(at("inner"));
    expect(vfs.list(place.folder)).toEqual(["B", "a", "b", "inner", "ä"]);
    expect(vfs.list(at("inner"))).toEqual([]);
    put("inner/x", "");
    expect(vfs.list(place.folder)).toEqual(["B", "a", "b", "inner", "ä"]);
    expect(errnoOf(() => vfs.removeFolder(at("inner")))).toBe("ENOTEMPTY");
    vfs.unlink(at("inner/x"));
    vfs.syncFolderOf(at("inner/x"));
    vfs.removeFolder(at("inner"));
    expect(vfs.stat(at("inner"))).toBeUndefined();
    expect(errnoOf(() => vfs.list(at("inner")))).toBe("ENOENT");
    expect(errnoOf(() => vfs.removeFolder(at("a")))).toBe("ENOTDIR");
    expect(errnoOf(() => vfs.list(at("a")))).toBe("ENOTDIR");
    expect(errnoOf(() => vfs.syncFolderOf(at("missing/x")))).toBe("ENOENT");
  });
});
