/** A finished file gets a name that nothing has, whatever comes there meanwhile. */

import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IoError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { assertFree, takeName } from "../../src/vfs/new-name.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { bytesOf } from "../support/damage.js";

const TAKEN = expect.objectContaining({ code: "ERR_ESPALIER_EXISTS" });

function put(vfs: MemoryVfs, path: string, text: string): void {
  const file = vfs.open(path, "create");
  file.write(Buffer.from(text), 0, text.length, 0);
  file.close();
}

describe("of two that finish a file under one name", () => {
  it("one gets it", () => {
    const vfs = new MemoryVfs();
    put(vfs, "/mine", "mine");
    const link = vfs.link.bind(vfs);
    vfs.link = (from, to) => {
      put(vfs, "/name", "other");
      link(from, to);
    };
    expect(() => takeName(vfs, "/mine", "/name")).toThrow(TAKEN);
    expect(Buffer.from(bytesOf(vfs, "/name")).toString()).toBe("other");
  });

  it("one gets a backup's", async () => {
    const vfs = new MemoryVfs();
    using store = open<string, string>("/orders", { vfs });
    const link = vfs.link.bind(vfs);
    vfs.link = (from, to) => {
      if (to === "/copy") put(vfs, "/copy", "other");
      link(from, to);
    };
    await expect(store.backup("/copy")).rejects.toEqual(TAKEN);
    expect(Buffer.from(bytesOf(vfs, "/copy")).toString()).toBe("other");
    expect(vfs.list("/").some((name) => name.startsWith("copy-"))).toBe(false);
  });
});

it("is renamed where there are no hard links", () => {
  const vfs = new MemoryVfs();
  vfs.link = (_from, to) => {
    throw new IoError(to, "link", "EPERM");
  };
  put(vfs, "/mine", "mine");
  takeName(vfs, "/mine", "/name");
  expect(vfs.list("/")).toEqual(["name"]);
});

describe("a name that nothing can have is told as what it is, and as no link:", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-new-name-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ["one that is too long", "x".repeat(256), "ENAMETOOLONG"],
    ["one in a file", "data.esp/copy", "ENOTDIR"],
  ])("%s", async (_, name, errno) => {
    using store = open<string, string>(join(folder, "data.esp"));
    await expect(store.backup(join(folder, name))).rejects.toMatchObject({ errno });
  });
});

describe("a link that leads nowhere", () => {
  let folder: string;
  let link: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-new-name-"));
    link = join(folder, "link");
    symlinkSync("/nowhere/at/all", link);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("keeps its name", () => {
    const file = join(folder, "file");
    writeFileSync(file, "mine");
    expect(() => takeName(nodeVfs, file, link)).toThrow(TAKEN);
    expect(readlinkSync(link)).toBe("/nowhere/at/all");
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  it("is no place for a backup, and that is told at once", async () => {
    using store = open<string, string>(join(folder, "data.esp"));
    const said: number[] = [];
    const copying = store.backup(link, { onProgress: ({ done }) => void said.push(done) });
    await expect(copying).rejects.toEqual(TAKEN);
    expect([said, readlinkSync(link)]).toEqual([[], "/nowhere/at/all"]);
    store.close();
    expect(readdirSync(folder).sort()).toEqual(["data.esp", "link"]);
  });
});

it("An empty name is none, and that is told before a file is made for it", () => {
  expect(() => assertFree(nodeVfs, "")).toThrow("option path: must be the name of a file");
});
