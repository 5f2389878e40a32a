/** What fails lets go of all that it had taken: files, memory, and what a snapshot pins. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CorruptionError, IoError, open, PoisonedError } from "../../src/index.js";
import { ThreadSync } from "../../src/log/sync-thread.js";
import { Catalog } from "../../src/store/catalog.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import type { OpenMode, Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { STORE_PATH } from "../support/session.js";

afterEach(() => vi.restoreAllMocks());

const failed = new IoError(STORE_PATH, "fdatasync", "EIO");

class CountingVfs extends MemoryVfs {
  readonly opened: Set<VfsFile> = new Set();

  override open(path: string, mode: OpenMode): VfsFile {
    const file = super.open(path, mode);
    const { close } = file;
    file.close = () => {
      this.opened.delete(file);
      close.call(file);
    };
    this.opened.add(file);
    return file;
  }
}

it("a close whose last background sync fails closes all files", () => {
  const vfs = new CountingVfs();
  const store = open(STORE_PATH, { vfs });
  store.put("a", 1);
  expect(vfs.opened.size).toBeGreaterThan(3);
  vi.spyOn(ThreadSync.prototype, "close").mockImplementationOnce(() => {
    throw failed;
  });
  expect(() => store.close()).toThrow(failed);
  expect(vfs.opened.size).toBe(0);
  const again = open(STORE_PATH, { vfs });
  expect(again.get("a")).toBe(1);
  again.close();
});

describe("a disk that fails, and is read-only from then on", () => {
  let folder: string;
  let broken: boolean;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "espalier-let-go-"));
    broken = false;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const vfs = Object.assign(Object.create(nodeVfs) as Vfs, {
    open: (path: string, mode: OpenMode): VfsFile => {
      const file = nodeVfs.open(path, mode);
      const sync = file.sync.bind(file);
      file.sync = () => {
        if (broken) throw new IoError(path, "sync", "EIO");
        sync();
      };
      return file;
    },
    unlink: (path: string): void => {
      if (broken) throw new IoError(path, "unlink", "EROFS");
      nodeVfs.unlink(path);
    },
  });

  it("is told of as what it does to the commits, not to the lock: by close", () => {
    const store = open<string, number>(join(folder, "s.esp"), { vfs, durability: "none" });
    store.put("a", 1);
    broken = true;
    vi.spyOn(ThreadSync.prototype, "close").mockImplementationOnce(() => {
      throw failed;
    });
    expect(() => store.close()).toThrow(PoisonedError);
    expect(() => open(join(folder, "s.esp"), { vfs })).toThrow(IoError);
    broken = false;
    // This thread takes over the lock that it could not remove.
    open(join(folder, "s.esp"), { vfs }).close();
  });

  it("and by open", () => {
    const path = join(folder, "s.esp");
    open(path).close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 4096));
    broken = true;
    expect(() => open(path, { vfs: onlyLockable(vfs) })).toThrow(CorruptionError);
  });

  it("and by what makes a new store, and by a backup", async () => {
    const path = join(folder, "s.esp");
    const breaksLater = Object.assign(Object.create(vfs) as Vfs, {
      open: (name: string, mode: OpenMode): VfsFile => {
        const file = vfs.open(name, mode);
        broken ||= name.includes("-new");
        return file;
      },
    });
    expect(() => open(path, { vfs: breaksLater })).toThrow(/sync.*EIO/);
    broken = false;
    open(path).close();
    const store = open(path, { vfs: breaksLater });
    await expect(store.backup(`${path}-copy`)).rejects.toThrow(/sync.*EIO/);
    broken = false;
    store.close();
  });
});

/** Where a lock can be made, though it cannot be removed. */
function onlyLockable(vfs: Vfs): Vfs {
  return Object.assign(Object.create(vfs) as Vfs, { open: nodeVfs.open.bind(nodeVfs) });
}

it("a snapshot that cannot read the catalogue pins nothing", () => {
  using store = open(STORE_PATH, { vfs: new MemoryVfs() });
  store.put("a", 1);
  vi.spyOn(Catalog.prototype, "tree").mockImplementationOnce(() => {
    throw failed;
  });
  expect(() => store.snapshot()).toThrow(failed);
  expect(store.stats().snapshots).toBe(0);
});
