/** A file that a command replaces: the old one is whole until the new one is. */

import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DiskFullError, IoError } from "../../src/base/errors.js";
import { replaceFile } from "../../src/commands/support/replace-file.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { VfsFile } from "../../src/vfs/vfs.js";
import { temporaryFolder } from "./support.js";

describe("a replaced file", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = temporaryFolder();
    path = join(folder, "cells.csv");
    writeFileSync(path, "old and long");
  });

  afterEach(() => vi.restoreAllMocks());

  it("is there whole where the disk is full", () => {
    vi.spyOn(nodeVfs, "open").mockImplementation((file, mode, like) => {
      const opened = Object.getPrototypeOf(nodeVfs).open.call(nodeVfs, file, mode, like) as VfsFile;
      opened.write = () => {
        throw new DiskFullError("full");
      };
      return opened;
    });
    expect(() => replaceFile(path, "new")).toThrow(DiskFullError);
    expect([readdirSync(folder), readFileSync(path, "utf8")]).toEqual([["cells.csv"], "old and long"]);
  });

  it("keeps its permissions, and its other name its content", () => {
    chmodSync(path, 0o640);
    linkSync(path, join(folder, "kept.csv"));
    replaceFile(path, "new");
    expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["new", 0o640]);
    expect(readFileSync(join(folder, "kept.csv"), "utf8")).toBe("old and long");
  });

  it("is what a link leads to", () => {
    mkdirSync(join(folder, "new"));
    for (const [name, to] of [
      ["link", "cells.csv"],
      ["fresh", join("new", "cells.csv")],
    ] as const) {
      symlinkSync(to, join(folder, name));
      replaceFile(join(folder, name), "new");
      expect(lstatSync(join(folder, name)).isSymbolicLink()).toBe(true);
      expect(readFileSync(join(folder, to), "utf8")).toBe("new");
    }
  });

  it("is written in its place where the folder takes no other", () => {
    vi.spyOn(nodeVfs, "open").mockImplementation((file) => {
      throw new IoError(file, "open", "EACCES");
    });
    replaceFile(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
  });

  /** Story: a container's file that lies outside of it is a mount, over which nothing is renamed. */
  it("is written in its place where it is a mount", () => {
    vi.spyOn(nodeVfs, "rename").mockImplementation((from) => {
      throw new IoError(from, "rename", "EBUSY");
    });
    replaceFile(path, "new");
    expect([readdirSync(folder), readFileSync(path, "utf8")]).toEqual([["cells.csv"], "new"]);
  });

  it("is no folder, and no device is replaced", () => {
    expect(() => replaceFile(folder, "new")).toThrow("EISDIR");
    replaceFile("/dev/null", "new");
    expect(statSync("/dev/null").isFile()).toBe(false);
  });
});
