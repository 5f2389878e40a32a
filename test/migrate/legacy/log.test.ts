/**
 * The legacy log as an overlay: what of it counts, where it ends, and which ends are refused because changes
 * would be lost.
 */

import { describe, expect, test } from "vitest";
import { openLegacy } from "../../../migrate/legacy/legacy-file.js";
import { encodeLogHeader } from "../../../migrate/legacy/log-header.js";
import { encodeMeta, patchMeta } from "../../../migrate/legacy/meta.js";
import { PageSeal } from "../../../migrate/legacy/page-check.js";
import { CorruptionError } from "../../../src/base/errors.js";
import { MemoryVfs } from "../../../src/vfs/memory-vfs.js";
import { readExactly } from "../../../src/vfs/whole-io.js";
import { fixture } from "./fixtures.js";
import {
  digestOf,
  type ForgedFrame,
  fixtureInMemory,
  forge,
  forgePage,
  frames,
  LOG_SALT,
  logFile,
  put,
  record,
  SALT,
  survey,
} from "./support.js";

const PAGE = 512;
const FRAME = 32 + PAGE;
const seal = new PageSeal(PAGE, SALT);

function contentOf(vfs: MemoryVfs, path: string): Uint8Array {
  const file = vfs.open(path, "read");
  const content = new Uint8Array(file.size());
  readExactly(file, content, 0, content.length, 0);
  file.close();
  return content;
}

/** Page 1 as a root leaf that holds the numbers from 0 to `count`. */
function leafOf(count: number): { image: Uint8Array; digest: string } {
  const records = Array.from({ length: count }, (_, i) => record(`k${i}`));
  return { image: forgePage("gen3", seal, { page: 1, records }), digest: digestOf(records) };
}

/** A file whose page 1 holds one record, and a log that makes it 2, 3, ... records, one LSN each. */
function fileWithLog(transactions: number): { vfs: MemoryVfs; log: Uint8Array } {
  const vfs = new MemoryVfs();
  put(vfs, "/file.db", forge({ pages: [{ page: 1, records: [record("k0")] }] }));
  const list: ForgedFrame[] = [];
  for (let i = 1; i <= transactions; i++) list.push({ lsn: i, page: 1, image: leafOf(i + 1).image });
  const log = logFile(PAGE, 1, list);
  put(vfs, "/file.db-wal", log);
  return { vfs, log };
}

function digestWith(vfs: MemoryVfs): string | undefined {
  const result = survey(vfs);
  expect(result.problems).toEqual([]);
  return result.trees[0]?.content?.digest;
}

describe("where the log ends", () => {
  test("the last valid image of a page counts", () => {
    const { vfs } = fileWithLog(4);
    const result = survey(vfs);
    expect(result.log).toMatchObject({
      form: "file",
      frames: 4,
      applied: 4,
      pages: 1,
      lastLsn: 4,
      end: "clean",
    });
    expect(result.trees[0]!.content?.digest).toBe(leafOf(5).digest);
  });

  test("a log cut anywhere gives the frames before the cut", () => {
    const { vfs, log } = fileWithLog(4);
    for (let cut = 32; cut < log.length; cut += 13) {
      put(vfs, "/file.db-wal", log.slice(0, cut));
      const whole = Math.floor((cut - 32) / FRAME);
      const result = survey(vfs);
      expect(result.log).toMatchObject({ frames: whole, end: (cut - 32) % FRAME === 0 ? "clean" : "torn" });
      expect(result.trees[0]!.content?.digest, `cut at ${cut}`).toBe(leafOf(whole + 1).digest);
    }
  });

  test("a frame whose end was never written is a torn one", () => {
    const { vfs, log } = fileWithLog(3);
    for (const at of [8, 20, 32, 100, 300]) {
      const torn = log.slice();
      torn.fill(0, 32 + 2 * FRAME + at);
      put(vfs, "/file.db-wal", torn);
      expect(survey(vfs).log).toMatchObject({ frames: 2, end: "torn" });
      expect(digestWith(vfs)).toBe(leafOf(3).digest);
    }
  });

  test("an empty log, and one of zeroes, is none", () => {
    const { vfs } = fileWithLog(1);
    for (const content of [new Uint8Array(0), new Uint8Array(4096), encodeLogHeader(PAGE, LOG_SALT, 1)]) {
      put(vfs, "/file.db-wal", content);
      expect(digestWith(vfs)).toBe(leafOf(1).digest);
    }
  });

  test("any flipped bit is refused", () => {
    const { vfs, log } = fileWithLog(3);
    for (let at = 0; at < log.length; at += 7) {
      const flipped = log.slice();
      flipped[at]! ^= 1 << (at % 8);
      put(vfs, "/file.db-wal", flipped);
      expect(() => survey(vfs), `byte ${at}`).toThrow(CorruptionError);
    }
  });

  test("a frame that is missing in the middle is noticed", () => {
    const { vfs, log } = fileWithLog(3);
    const gap = Buffer.concat([log.subarray(0, 32 + FRAME), log.subarray(32 + 2 * FRAME)]);
    put(vfs, "/file.db-wal", new Uint8Array(gap));
    expect(() => survey(vfs)).toThrow(/does not follow the frame before it/);
  });

  test("a damaged log can be cut on demand, as the original does", () => {
    const { vfs, log } = fileWithLog(3);
    const flipped = log.slice();
    flipped[32 + FRAME + 50]! ^= 1;
    put(vfs, "/file.db-wal", flipped);
    const result = survey(vfs, "/file.db", { log: { damaged: "cut" } });
    expect(result.log).toMatchObject({ frames: 1, end: "damaged" });
    expect(result.trees[0]!.content?.digest).toBe(leafOf(2).digest);
  });

  test("the last transaction can be left out", () => {
    const { vfs } = fileWithLog(3);
    const result = survey(vfs, "/file.db", { log: { lastTransaction: "drop" } });
    expect(result.log).toMatchObject({ frames: 3, applied: 2, lastLsn: 2 });
    expect(result.trees[0]!.content?.digest).toBe(leafOf(3).digest);
  });
});

describe("which frames count", () => {
  test("frames up to the checkpoint are skipped", () => {
    const { vfs } = fileWithLog(3);
    const file = contentOf(vfs, "/file.db");
    file.set(patchMeta(file.subarray(0, PAGE), { nextPage: 2, freeListHead: 0, lastCheckpointLsn: 3 }));
    put(vfs, "/file.db", file);
    expect(survey(vfs).log).toMatchObject({ frames: 3, applied: 0, lastLsn: 3 });
    expect(digestWith(vfs)).toBe(leafOf(1).digest);
  });

  test("page 0 of the log counts: roots and next page come from it, and pages behind the end of the file", () => {
    const vfs = new MemoryVfs();
    const meta = encodeMeta({ pageSize: PAGE, salt: SALT, logSalt: LOG_SALT });
    put(vfs, "/file.db", meta);
    const records = [record("a"), record("b")];
    const later = patchMeta(meta, { nextPage: 8, freeListHead: 0, roots: [{ offset: 80, page: 7 }] });
    const image = forgePage("gen2", seal, { page: 7, records });
    put(
      vfs,
      "/file.db-wal",
      logFile(PAGE, 1, [
        { lsn: 1, page: 0, image: later },
        { lsn: 1, page: 7, image },
      ]),
    );
    const result = survey(vfs);
    expect(result.problems).toEqual([]);
    expect(result.meta.nextPage).toBe(8);
    expect(result.trees).toMatchObject([{ name: "nodes", root: 7, content: { digest: digestOf(records) } }]);
  });

  test("a live page that the free list still holds is not free", () => {
    const free = new Uint8Array(PAGE);
    const view = new DataView(free.buffer);
    view.setUint32(32 + 8, 1);
    view.setBigUint64(32 + 16, 1n);
    view.setUint32(32 + 24, 1);
    seal.seal(free, 2, 2);
    const vfs = new MemoryVfs();
    const file = new Uint8Array(3 * PAGE);
    file.set(forge({ pages: [], freeListHead: 2, nextPage: 3 }));
    file.set(free, 2 * PAGE);
    put(vfs, "/file.db", file);
    expect(survey(vfs).freePages).toBe(2);
    put(vfs, "/file.db-wal", logFile(PAGE, 1, [{ lsn: 1, page: 1, image: leafOf(3).image }]));
    expect(digestWith(vfs)).toBe(leafOf(3).digest);
  });

  test("frames of a foreign log are refused", () => {
    const { vfs, log } = fileWithLog(1);
    const foreign = log.slice();
    foreign.set(encodeLogHeader(PAGE, LOG_SALT + 1n, 1));
    put(vfs, "/file.db-wal", foreign);
    expect(() => survey(vfs)).toThrow(/another file/);
    foreign.set(encodeLogHeader(1024, LOG_SALT, 1));
    put(vfs, "/file.db-wal", foreign);
    expect(() => survey(vfs)).toThrow(/pages of 1024 bytes/);
  });

  describe("a log that begins behind what the file has", () => {
    const later = [{ lsn: 3, page: 1, image: leafOf(3).image }];
    const metaAt = (lastCheckpointLsn: number): ForgedFrame => {
      const meta = encodeMeta({ pageSize: PAGE, salt: SALT, logSalt: LOG_SALT });
      const image = patchMeta(meta, { nextPage: 2, freeListHead: 0, lastCheckpointLsn });
      return { lsn: 4, page: 0, image };
    };
    const withLog = (startLsn: number, list: readonly ForgedFrame[]): MemoryVfs => {
      const { vfs } = fileWithLog(0);
      put(vfs, "/file.db-wal", logFile(PAGE, startLsn, list));
      return vfs;
    };

    /** Story: pages of the older copy stood beside those of commits that came after ones which neither has. */
    test("is refused where the log is that of a newer file", () => {
      const problem = /begins with commit 3 and the file ends with 0; it is an older copy.*move the log away/;
      expect(() => survey(withLog(3, [...later, metaAt(2)]))).toThrow(problem);
    });

    /** Story: the engine numbers commits that change no page, and has no frames of them. The newest commits were to be moved away. */
    test("is the file's own where page 0 in it says so", () => {
      const vfs = withLog(3, [...later, metaAt(0)]);
      expect(digestWith(vfs)).toBe(leafOf(3).digest);
      expect(survey(vfs).log).toMatchObject({ applied: 2, lastLsn: 4, note: "" });
    });

    test("is refused where nothing tells, with a way out for either case", () => {
      expect(() => survey(withLog(3, later))).toThrow(/its own program, which takes the log in; or.*move/);
      expect(digestWith(withLog(1, later))).toBe(leafOf(3).digest);
    });

    test("is told where it is empty", () => {
      const vfs = withLog(3, []);
      expect(digestWith(vfs)).toBe(leafOf(1).digest);
      expect(
        survey(vfs)
          .notes.map(({ reason }) => reason)
          .join(),
      ).toMatch(/commit 3 .* an older copy/);
      expect(survey(withLog(1, [])).notes).toEqual([]);
    });
  });

  test("a valid frame below the start of the log is refused, and so is an impossible page", () => {
    const { vfs } = fileWithLog(1);
    put(vfs, "/file.db-wal", logFile(PAGE, 5, [{ lsn: 4, page: 1, image: leafOf(2).image }]));
    expect(() => survey(vfs)).toThrow(/begins at 5/);
    put(vfs, "/file.db-wal", logFile(PAGE, 1, [{ lsn: 1, page: 2 ** 40, image: leafOf(2).image }]));
    expect(() => survey(vfs)).toThrow(CorruptionError);
  });

  test("a page far behind the end costs nothing and is not a tree page by itself", () => {
    const { vfs } = fileWithLog(1);
    const image = forgePage("gen3", seal, { page: 2 ** 31, parent: 1, records: [record("x")] });
    put(vfs, "/file.db-wal", logFile(PAGE, 1, [{ lsn: 1, page: 2 ** 31, image }]));
    expect(survey(vfs).trees[0]!.content?.digest).toBe(leafOf(1).digest);
  }, 10_000);
});

describe("a folder of segments", () => {
  function folderWith(segments: Record<string, Uint8Array>): MemoryVfs {
    const { vfs } = fileWithLog(0);
    vfs.unlink("/file.db-wal");
    for (const folder of ["", "/active", "/recycle"]) vfs.makeFolder(`/file.db-wal${folder}`);
    for (const [name, content] of Object.entries(segments)) put(vfs, `/file.db-wal/${name}`, content);
    return vfs;
  }

  function segment(startLsn: number, list: readonly ForgedFrame[], chain: bigint, zeroes = 0): Uint8Array {
    const header = encodeLogHeader(PAGE, LOG_SALT, startLsn);
    return new Uint8Array(Buffer.concat([header, frames(list, chain).bytes, new Uint8Array(zeroes)]));
  }

  const first = [{ lsn: 1, page: 1, image: leafOf(2).image }];
  const second = [{ lsn: 2, page: 1, image: leafOf(3).image }];
  const chain = frames(first).chain;

  test("segments are read in the order of their numbers, across a chain that runs on or begins anew", () => {
    for (const link of [chain, 0n]) {
      const vfs = folderWith({
        "active/wal-9": segment(1, first, 0n, 2000),
        "active/wal-10": segment(2, second, link, 2000),
        "active/wal-11": new Uint8Array(4096),
        "recycle/wal-1": segment(1, [{ lsn: 9, page: 1, image: leafOf(4).image }], 0n),
        manifest: new Uint8Array(3),
      });
      expect(survey(vfs).log).toMatchObject({ form: "folder", frames: 2, end: "clean" });
      expect(digestWith(vfs)).toBe(leafOf(3).digest);
    }
  });

  test("what a segment that was cut leaves out makes a later one unusable", () => {
    for (const link of [chain, 0n]) {
      const vfs = folderWith({
        "active/wal-1": segment(1, first, 0n).slice(0, 300),
        "active/wal-2": segment(2, second, link),
      });
      expect(() => survey(vfs)).toThrow(CorruptionError);
    }
  });

  test("of segments that may be cut, what lies before the damage counts, and nothing behind it", () => {
    const damaged = segment(2, second, 0n);
    damaged[9]! ^= 1;
    for (const [broken, after] of [
      [segment(2, second, chain).slice(0, 300), 0n],
      [damaged, 0n],
    ] as const) {
      const vfs = folderWith({
        "active/wal-1": segment(1, first, 0n),
        "active/wal-2": broken,
        "active/wal-3": segment(3, [{ lsn: 3, page: 1, image: leafOf(4).image }], after),
      });
      const cut = survey(vfs, "/file.db", { log: { damaged: "cut" } });
      expect(cut.log).toMatchObject({ end: "damaged", applied: 1, lastLsn: 1 });
      expect(cut.trees[0]?.content?.digest).toBe(leafOf(2).digest);
    }
  });

  /** Story: a mark that was left from a time of asynchronous syncs cost all commits since, and nothing was said. */
  test("frames above the durable mark are not read, and told; without the mark they are", () => {
    const mark = new Uint8Array(8);
    mark[7] = 1;
    const vfs = folderWith({ "active/wal-1": segment(1, [...first, ...second], 0n), "wal.dwm": mark });
    const { problems, log } = survey(vfs);
    expect(log).toMatchObject({ applied: 1, lastLsn: 1, end: "clean" });
    expect(problems.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/above 1, .*\/file.db-wal\/wal.dwm calls durable.*remove that mark/),
    ]);
    mark[7] = 2;
    put(vfs, "/file.db-wal/wal.dwm", mark);
    expect(digestWith(vfs)).toBe(leafOf(3).digest);
    vfs.unlink("/file.db-wal/wal.dwm");
    expect(digestWith(vfs)).toBe(leafOf(3).digest);
  });

  test("frames above the durable mark that the file has are nothing to tell", () => {
    const vfs = folderWith({ "active/wal-1": segment(1, first, 0n), "wal.dwm": new Uint8Array(8) });
    expect(survey(vfs).problems).toHaveLength(1);
    const meta = encodeMeta({ pageSize: PAGE, salt: SALT, logSalt: LOG_SALT });
    const file = forge({ pages: [{ page: 1, records: [record("k0")] }] });
    file.set(patchMeta(meta, { nextPage: 2, freeListHead: 0, lastCheckpointLsn: 1 }));
    put(vfs, "/file.db", file);
    expect(digestWith(vfs)).toBe(leafOf(1).digest);
  });

  test("nor are segments behind a frame above the durable mark, whatever is in them", () => {
    const mark = new Uint8Array(8);
    mark[7] = 1;
    const third = [{ lsn: 3, page: 1, image: leafOf(4).image }];
    for (const link of [frames([...first, ...second]).chain, 0n, 5n]) {
      const vfs = folderWith({
        "active/wal-1": segment(1, [...first, ...second], 0n),
        "active/wal-2": segment(3, third, link),
        "wal.dwm": mark,
      });
      expect(survey(vfs).log).toMatchObject({ applied: 1, lastLsn: 1, end: "clean" });
      expect(survey(vfs).problems).toHaveLength(1);
    }
  });

  test("no active folder is an empty log", () => {
    const { vfs } = fileWithLog(0);
    vfs.unlink("/file.db-wal");
    vfs.makeFolder("/file.db-wal");
    expect(digestWith(vfs)).toBe(leafOf(1).digest);
  });
});

describe.each(["gen1/u64-wal.db", "gen2/u64-wal.db", "gen3-late/u64-wal.db", "gen3/u64-wal-only.db"])(
  "%s",
  (name) => {
    test("cut at any frame or beside it, it is readable, or refused for what the tree lacks", () => {
      const entry = fixture(name);
      const vfs = fixtureInMemory(name);
      const folder = vfs.stat("/file.db-wal")?.kind === "folder";
      const path = folder ? `/file.db-wal/active/${vfs.list("/file.db-wal/active")[0]}` : "/file.db-wal";
      const log = contentOf(vfs, path);
      const stride = 32 + entry.pageSize;
      for (let frame = 0; frame <= entry.walFrames; frame++) {
        for (const beside of [-1, 0, 1, 31, 33, 4000]) {
          const cut = 32 + frame * stride + beside;
          if (cut < 32 || cut > 32 + entry.walFrames * stride) continue;
          put(vfs, path, log.slice(0, cut));
          const file = openLegacy(vfs, "/file.db");
          const result = file.inspect();
          file.close();
          expect(result.log.frames).toBe(Math.floor((cut - 32) / stride));
          const whole = result.log.frames === entry.walFrames;
          if (whole) expect(result.trees[0]?.content?.digest).toBe(entry.sha256);
          else expect(result.trees[0]?.content?.digest).not.toBe(entry.sha256);
        }
      }
    });
  },
);
