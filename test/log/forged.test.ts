/**
 * Log records that are wrong in a frame whose checksum is right: recovery says so, and changes nothing. Random
 * ones lead to no other kind of error either, and to no end.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { CorruptionError, EspalierError, open } from "../../src/index.js";
import {
  OP_ALLOCATE,
  OP_BLOCK,
  OP_CATALOG,
  OP_EXTENT,
  OP_FILL,
  OP_FREE,
  OP_IMAGE,
  OP_MOVE,
  OP_PAGE,
  OP_REVOKE,
  OP_SLOT,
  OP_SPLIT,
  OP_WRITE,
} from "../../src/log/log-format.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import { bytesOf, withFile } from "../support/damage.js";
import { bytesLe, headerOf, logWith } from "../support/forge.js";
import { STORE_PATH, storeOptions } from "../support/session.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 3);
const LOG = `${STORE_PATH}-log1`;
const HUGE = 0xffff_ffff;

interface Disk {
  readonly vfs: MemoryVfs;
  readonly data: Uint8Array;
  readonly log: Uint8Array;
}

function makeDisk(pageSize: number): Disk {
  const vfs = new FaultyVfs({ seed: 1 });
  const options = storeOptions({ pageSize, durability: "sync" }, vfs);
  const store = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  for (let i = 0; i < 50; i++) store.put(Buffer.from(`k${i}`), Buffer.alloc(200, i));
  store.close();
  const again = open<Uint8Array, Uint8Array>(STORE_PATH, options);
  again.put(Buffer.from("k1"), Buffer.alloc(200, 7));
  const disk = vfs.powerCutImage("dropped", 1);
  again.close();
  return { vfs: disk, data: bytesOf(disk, STORE_PATH), log: bytesOf(disk, LOG) };
}

/** What opening it ends with; throws what is no error of espalier's own. */
function outcomeOf(disk: Disk, pageSize: number, records: readonly number[], readOnly: boolean): string {
  const vfs = withFile(disk.vfs, LOG, logWith(disk.data, disk.log, records));
  const { pageSize: _, ...options } = storeOptions({ pageSize, durability: "sync" }, vfs);
  try {
    const store = open<Uint8Array, Uint8Array>(STORE_PATH, { ...options, readOnly });
    try {
      const { ok } = store.verify();
      for (const _record of store.range());
      return ok ? "whole" : "problems";
    } finally {
      store.close();
    }
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    if (error instanceof CorruptionError) expect(error.reason).not.toBe("");
    return error.code;
  }
}

describe.each([512, 4096])("pages of %i bytes", (pageSize) => {
  let disk: Disk;
  /** A record that makes any page there is fit to be edited. */
  let image: number[];
  let page = 0;
  beforeAll(() => {
    disk = makeDisk(pageSize);
    page = headerOf(disk.data).catalogRoot;
    const block = Math.floor((page * pageSize) / 4096);
    const bytes = disk.data.subarray(block * 4096, (block + 1) * 4096);
    image =
      pageSize === 4096
        ? [OP_IMAGE, ...bytesLe([page, 4], [4096, 2], [0, 2]), ...bytes]
        : [OP_BLOCK, ...bytesLe([block, 4], [0, 1]), ...bytes];
  });

  it("a right transaction is applied", () => {
    const edit = [OP_PAGE, ...bytesLe([page, 4]), OP_WRITE, ...bytesLe([8, 2], [1, 2]), 1];
    for (const readOnly of [false, true]) {
      expect(outcomeOf(disk, pageSize, [], readOnly)).toBe("whole");
      expect(outcomeOf(disk, pageSize, image, readOnly)).toBe("whole");
      expect(outcomeOf(disk, pageSize, [...image, ...edit], readOnly)).toBe("whole");
    }
  });

  it("what is said of a revoked page is not applied, to no other page either", () => {
    const revoked = page + 1;
    const edits: Record<string, number[]> = {
      "a write": [OP_WRITE, ...bytesLe([8, 2], [1, 2]), 99],
      "a fill": [OP_FILL, ...bytesLe([8, 2], [20, 2]), 99],
      "a move": [OP_MOVE, ...bytesLe([8, 2], [100, 2], [9, 2])],
      "a slot": [OP_SLOT, ...bytesLe([0, 2], [0, 4], [100, 2], [4, 2], [104, 2], [0, 2]), 1, 2, 3, 4],
    };
    for (const [name, edit] of Object.entries(edits)) {
      const before = [...image, OP_PAGE, ...bytesLe([page, 4]), OP_WRITE, ...bytesLe([8, 2], [1, 2]), 1];
      const records = [
        ...before,
        OP_REVOKE,
        ...bytesLe([revoked, 4], [1, 4]),
        OP_PAGE,
        ...bytesLe([revoked, 4]),
      ];
      for (const readOnly of [false, true])
        expect(outcomeOf(disk, pageSize, [...records, ...edit], readOnly), name).toBe("whole");
    }
  });

  it("a wrong one is damage", () => {
    const select = [...image, OP_PAGE, ...bytesLe([page, 4])];
    const wrong: Record<string, number[]> = {
      "an unknown record": [99],
      "an edit without an image": [OP_PAGE, ...bytesLe([page, 4]), OP_FILL, ...bytesLe([8, 2], [1, 2]), 1],
      "a page that does not exist": [OP_PAGE, ...bytesLe([HUGE, 4])],
      "a record that is cut off": [...select, OP_WRITE, ...bytesLe([100, 2], [200, 2]), 1, 2, 3],
      "a header that is cut off": [...select, OP_MOVE, 1],
      "a write that leaves its page": [
        ...select,
        OP_WRITE,
        ...bytesLe([pageSize - 4, 2], [8, 2]),
        ...[1, 2, 3, 4, 5, 6, 7, 8],
      ],
      "a fill that leaves its page": [...select, OP_FILL, ...bytesLe([8, 2], [0xffff, 2]), 1],
      "a move from beyond its page": [...select, OP_MOVE, ...bytesLe([8, 2], [pageSize - 1, 2], [9, 2])],
      "a move to beyond its page": [...select, OP_MOVE, ...bytesLe([pageSize - 1, 2], [8, 2], [9, 2])],
      "an image of another size": [OP_IMAGE, ...bytesLe([page, 4], [0xfff0, 2], [0x20, 2])],
      "an image that is longer than its page": [
        OP_IMAGE,
        ...bytesLe([page, 4], [pageSize, 2], [16, 2]),
        ...disk.data.subarray(page * pageSize, (page + 1) * pageSize),
        ...disk.data.subarray((page + 1) * pageSize - 16, (page + 1) * pageSize),
      ],
      "pages that are freed twice": [
        OP_FREE,
        ...bytesLe([page, 4], [1, 4]),
        OP_FREE,
        ...bytesLe([page, 4], [1, 4]),
      ],
      "pages beyond the end that are freed": [OP_FREE, ...bytesLe([1_000_000, 4], [5, 4])],
      "a page that is given out and not free": [OP_ALLOCATE, ...bytesLe([page, 4], [1, 4])],
      "too many pages": [OP_REVOKE, ...bytesLe([page, 4], [HUGE, 4])],
      "a slot that leaves its page": [
        ...select,
        OP_SLOT,
        ...bytesLe([0, 2], [0, 4], [pageSize - 4, 2], [8, 2], [0, 4]),
        ...[1, 2, 3, 4, 5, 6, 7, 8],
      ],
      "a slot behind the last": [
        ...select,
        OP_SLOT,
        ...bytesLe([5000, 2], [0, 4], [100, 2], [1, 2], [0, 4]),
        1,
      ],
      "a split of a page without an image": [
        OP_SPLIT,
        ...bytesLe([page, 4], [page + 1, 4], [0, 2], [1, 2]),
        1,
      ],
      "a split behind the last record": [
        ...image,
        OP_SPLIT,
        ...bytesLe([page, 4], [page + 1, 4], [5000, 2], [1, 2]),
        0x80,
      ],
      "a split at a key that lies elsewhere": [
        ...image,
        OP_SPLIT,
        ...bytesLe([page, 4], [page + 1, 4], [0, 2], [1, 2]),
        0xff,
      ],
      "a split at no key": [...image, OP_SPLIT, ...bytesLe([page, 4], [page + 1, 4], [0, 2], [0, 2])],
      "a split that is cut off": [
        ...image,
        OP_SPLIT,
        ...bytesLe([page, 4], [page + 1, 4], [0, 2], [900, 2]),
        1,
      ],
      "a file without end": [OP_EXTENT, ...bytesLe([page, 4], [HUGE, 4])],
      "a file of terabytes": [OP_EXTENT, ...bytesLe([page, 4], [0x7fff_0000, 4])],
      "an extent that begins behind all pages": [OP_EXTENT, ...bytesLe([0x7fff_0000, 4], [page, 4])],
      "terabytes that are given out": [OP_ALLOCATE, ...bytesLe([page, 4], [0x7fff_0000, 4])],
      "more revoked pages than there can be": [OP_REVOKE, ...bytesLe([page, 4], [0x0100_0001, 4])],
      "a catalogue in the header": [OP_CATALOG, ...bytesLe([0, 4])],
      "a catalogue behind the end": [OP_CATALOG, ...bytesLe([0x0100_0000, 4])],
      "an image of the header": [...image.slice(0, 1), ...bytesLe([0, 4]), ...image.slice(5)],
      "an image far behind the end": [...image.slice(0, 1), ...bytesLe([0x00ff_ffff, 4]), ...image.slice(5)],
      "a slot behind a place that is not there": [
        ...select,
        OP_SLOT,
        ...bytesLe([500, 2], [0, 4], [100, 2], [4, 2], [104, 2], [0, 2]),
        ...[1, 2, 3, 4],
      ],
      "a slot whose record lies in the slots": [
        ...select,
        OP_SLOT,
        ...bytesLe([0, 2], [0, 4], [pageSize - 4, 2], [4, 2], [104, 2], [0, 2]),
        ...[1, 2, 3, 4],
      ],
      "a slot that is cut off": [...select, OP_SLOT, ...bytesLe([0, 2], [0, 4], [100, 2], [500, 2])],
    };
    for (const [name, records] of Object.entries(wrong)) {
      for (const readOnly of [false, true])
        expect(outcomeOf(disk, pageSize, records, readOnly), name).toBe("ERR_ESPALIER_CORRUPTION");
    }
  });

  it(`random ones give errors of espalier's own, if any (ESPALIER_SEED=${SEED} replays)`, () => {
    const prng = new Prng(SEED);
    const rounds = Number(process.env["ESPALIER_ROUNDS"] ?? 300);
    const seen = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      const records = [...image];
      for (let i = 1 + prng.below(4); i > 0; i--) {
        const op = 1 + prng.below(OP_CATALOG);
        const number = (): number => prng.pick([0, 1, page, page + 1, 8, 16, prng.below(5000)]);
        if (op === OP_IMAGE || op === OP_BLOCK || op > OP_IMAGE || op === OP_PAGE)
          records.push(op, ...bytesLe([prng.chance(0.7) ? page : number(), 4], [number(), 4]));
        else records.push(op, ...bytesLe([number(), 2], [prng.below(40), 2], [number(), 2]));
        for (let more = prng.below(20); more > 0; more--) records.push(prng.below(256));
      }
      const found = outcomeOf(disk, pageSize, records, prng.chance(0.5));
      seen.set(found, (seen.get(found) ?? 0) + 1);
    }
    expect(seen.get("ERR_ESPALIER_CORRUPTION")).toBeGreaterThan(rounds / 4);
  });
});
