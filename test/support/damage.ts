/** Helpers for tests that damage the files of a store: what is found afterwards, as a word or a state. */

import { EspalierError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import { FileBytes } from "../../src/vfs/file-bytes.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { readExactly } from "../../src/vfs/whole-io.js";
import { fingerprintOf } from "./model.js";
import { type History, type SessionSettings, STORE_PATH, storeOptions } from "./session.js";

export function bytesOf(vfs: MemoryVfs, path: string): Uint8Array {
  const file = vfs.open(path, "read");
  const bytes = new Uint8Array(file.size());
  readExactly(file, bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

/** A copy of the file system in which one file has other bytes. */
export function withFile(vfs: MemoryVfs, path: string, bytes: Uint8Array): MemoryVfs {
  const copy = vfs.clone();
  if (copy.stat(path) !== undefined) copy.unlink(path);
  const content = new FileBytes();
  content.write(bytes, 0, bytes.length, 0);
  copy.place(path, "open", content);
  return copy;
}

/**
 * Opens the store and proves it. The number of the state that is there; -1 where it is none that there
 * was; the code of the error where one was thrown, or "problems" where verify lists some. Throws what is
 * no error of espalier's own.
 */
export function outcome(vfs: MemoryVfs, settings: SessionSettings, history: History): number | string {
  try {
    const options = { ...storeOptions(settings, vfs), createIfMissing: false };
    using store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
    const report = store.verify();
    if (!report.ok) return "problems";
    return history.states.lastIndexOf(
      fingerprintOf(Object.entries(report.trees).map(([name, tree]) => [name, tree.digest])),
    );
  } catch (error) {
    if (error instanceof EspalierError) return error.code;
    throw error;
  }
}
