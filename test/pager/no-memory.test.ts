/** Where the host has no memory for the table of a very large file: an error of the store's own, and no more. */

import { afterEach, expect, it, vi } from "vitest";
import { EspalierError, open } from "../../src/index.js";
import { encodeStoreHeader } from "../../src/pager/store-header.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { bytesOf } from "../support/damage.js";
import { headerOf } from "../support/forge.js";

const PATH = "/store.esp";
const PAGES = 0x7fff_ffff;
const PAGE_SIZE = 4096;
/** More numbers than this are refused, as by a host that is short of memory. */
const NUMBERS_MAX = 1_000_000;

afterEach(() => vi.unstubAllGlobals());

/** A store whose header says that its catalogue lies at the end of 8 TiB, which the file has. */
function hugeStore(): MemoryVfs {
  const vfs = new MemoryVfs();
  open(PATH, { vfs, pageSize: PAGE_SIZE }).close();
  const header = headerOf(bytesOf(vfs, PATH));
  const file = vfs.open(PATH, "write");
  file.truncate(PAGES * PAGE_SIZE);
  for (let copy = 0; copy < 2; copy++) {
    const block = encodeStoreHeader({ ...header, sequence: copy, pageCount: PAGES, catalogRoot: PAGES - 8 });
    writeFully(file, block, 0, block.length, copy * PAGE_SIZE);
  }
  file.close();
  return vfs;
}

function limitMemory(): void {
  const Real = Int32Array;
  vi.stubGlobal(
    "Int32Array",
    new Proxy(Real, {
      construct(target, args: [number]) {
        if (args[0] > NUMBERS_MAX) throw new RangeError("Array buffer allocation failed");
        return new target(...args);
      },
    }),
  );
}

function errorOf(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

it("opening a file that says it is huge", () => {
  const vfs = hugeStore();
  limitMemory();
  const error = errorOf(() => open(PATH, { vfs, createIfMissing: false }));
  expect(error).toBeInstanceOf(EspalierError);
  expect(error).toMatchObject({ code: "ERR_ESPALIER_IO", errno: "ENOMEM" });
});
