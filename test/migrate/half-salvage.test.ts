/**
 * What salvage finds in files that are half converted, in either direction: everything where nothing is damaged, at every
 * moment, and where a page is, all but its records.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { salvageLegacyFile } from "../../migrate/index.js";
import { asidePath } from "../../migrate/legacy-log.js";
import { open } from "../../src/index.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { Prng } from "../../src/vfs/prng.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { readExactly, writeFully } from "../../src/vfs/whole-io.js";
import { cli, temporaryFolder } from "../commands/support.js";
import { CACHE_BYTES_LEAST } from "../support/session.js";
import { seed } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, rollBack, verified } from "./support.js";

const OUT = "/out.esp";
const RECORDS = 300;
const records = variedRecords(RECORDS, 700, 1);
const file = scatteredFile({
  generation: "gen2",
  pageSize: 1024,
  records,
  seed: 1,
  freePages: 3,
  inLog: 7,
});
/** Of each record, as text. */
const expected = new Map(records.map(({ key, value }) => [hex(key), hex(value)]));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The file as kills at its calls leave it, where it is half converted then. */
async function halves(disk: MemoryVfs, act: typeof convert): Promise<FaultyVfs[]> {
  const dry = new FaultyVfs({ disk });
  await act(dry, { verify: "none" });
  const found: FaultyVfs[] = [];
  for (let at = 1; at <= dry.calls; at += 4) {
    const vfs = new FaultyVfs({ disk });
    vfs.crashAt = at;
    await expect(act(vfs, { verify: "none" })).rejects.toThrow(CrashSignal);
    const left = vfs.processKill(at);
    if (inspectFile(left, FILE).kind === "migrating") found.push(left);
  }
  return found;
}

const disks: Record<"there" | "back", FaultyVfs[]> = { there: [], back: [] };
/** What the store holds that is turned back: a record was changed since. */
const changed = new Map(expected);

beforeAll(async () => {
  disks.there = await halves(file.vfs, convert);
  const disk = file.vfs.clone();
  await convert(disk);
  const store = open<Uint8Array, Uint8Array>(FILE, { vfs: disk });
  for (let i = 0; i < RECORDS; i += 3) {
    store.put(records[i]!.key, Uint8Array.of(i));
    changed.set(hex(records[i]!.key), hex(Uint8Array.of(i)));
  }
  store.close();
  disks.back = await halves(disk, rollBack);
}, 60_000);

function contentOf(vfs: Vfs): Map<string, string> {
  expect(verified(vfs, OUT).problems).toEqual([]);
  const store = open<Uint8Array, Uint8Array>(OUT, { vfs, cacheBytes: CACHE_BYTES_LEAST });
  try {
    const all = new Map<string, string>();
    for (const [key, value] of store.range({})) all.set(hex(key), hex(value));
    return all;
  } finally {
    store.close();
  }
}

function bytesOf(vfs: Vfs, path: string): Buffer {
  if (vfs.stat(path) === undefined) return Buffer.alloc(0);
  const open = vfs.open(path, "read");
  const bytes = Buffer.alloc(open.size());
  readExactly(open, bytes, 0, bytes.length, 0);
  open.close();
  return bytes;
}

function damage(vfs: Vfs, at: number): void {
  const open = vfs.open(FILE, "write");
  const byte = new Uint8Array(1);
  readExactly(open, byte, 0, 1, at);
  byte[0]! ^= 0x55;
  writeFully(open, byte, 0, 1, at);
  open.close();
}

describe.each(["there", "back"] as const)("half %s", (way) => {
  test("everything is found, whenever it was interrupted", () => {
    expect(disks[way].length).toBeGreaterThan(10);
    for (const disk of disks[way]) {
      const vfs = disk.processKill(1);
      const report = salvageLegacyFile(FILE, OUT, { vfs });
      expect(report).toMatchObject({ records: RECORDS, lost: [], dropped: [] });
      expect(contentOf(vfs)).toEqual(way === "there" ? expected : changed);
    }
  });

  test(`a damaged page costs at most what is in it, and is told (ESPALIER_SEED=${seed})`, () => {
    const prng = new Prng(seed);
    let short = 0;
    // Mostly the page holds nothing any more, or not yet: by three tries a disk, enough of them do.
    for (const disk of disks[way].flatMap((each) => [each, each, each])) {
      const vfs = disk.processKill(1);
      const state = inspectFile(vfs, FILE);
      if (state.kind !== "migrating") throw new Error("it is whole");
      const pages = Math.floor(state.program.journalStart / 1024);
      damage(vfs, prng.below(pages) * 1024 + 600);
      const report = salvageLegacyFile(FILE, OUT, { vfs });
      const found = contentOf(vfs);
      expect(found.size).toBe(report.records);
      expect(found.size).toBeGreaterThan(RECORDS - 60);
      for (const [key, value] of found) expect((way === "there" ? expected : changed).get(key)).toBe(value);
      if (found.size === RECORDS) continue;
      short++;
      expect(report.lost.length).toBeGreaterThan(1);
      expect(report.lost.at(-1)?.reason).toBe(`${found.size} of ${RECORDS} records were found`);
    }
    expect(short).toBeGreaterThan(1);
  });
});

test("the command goes by the journal where the fence is damaged, and takes the pages of the store for a part", () => {
  const folder = temporaryFolder();
  for (const [way, content] of [
    ["there", expected],
    ["back", changed],
  ] as const) {
    const disk = disks[way][Math.floor(disks[way].length / 2)]!;
    const bytes = new Map([FILE, asidePath(FILE)].map((path) => [path, bytesOf(disk, path)]));
    bytes.get(FILE)!.fill(0, 0, 512);
    const name = join(folder, way);
    for (const [path, image] of bytes) writeFileSync(path.replace(FILE, name), image);
    const { code, stderr } = cli(["salvage", way, "--out", `${way}.esp`], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: `300 records in ${way}.esp, nothing lost\n` });
    const store = open<Uint8Array, Uint8Array>(`${name}.esp`, { readOnly: true });
    for (const [key, value] of store.range({})) expect(hex(value)).toBe(content.get(hex(key)));
    store.close();
  }
});

test("without its log it is told that records may be older", () => {
  const vfs = disks.there.find((each) => each.stat(asidePath(FILE)) !== undefined)!.processKill(1);
  vfs.unlink(asidePath(FILE));
  const report = salvageLegacyFile(FILE, OUT, { vfs });
  expect(report.lost.map(({ reason }) => reason).join("\n")).toMatch(/its log of \d+ frames.*older ones/);
});

/** Story: of a damaged leaf it was said that it is damaged, and not that its records come from before the log. */
test("so where all leaves are made, and one is damaged", () => {
  let told = 0;
  for (const disk of disks.there) {
    const state = inspectFile(disk, FILE);
    if (state.kind !== "migrating" || state.slot.phase < 3) continue;
    const vfs = disk.processKill(1);
    vfs.unlink(asidePath(FILE));
    expect(salvageLegacyFile(FILE, OUT, { vfs })).toMatchObject({ records: RECORDS, lost: [] });
    vfs.unlink(OUT);
    damage(vfs, state.program.tables.leafPages[3]! * 1024 + 600);
    const { lost } = salvageLegacyFile(FILE, OUT, { vfs });
    expect(lost.filter(({ reason }) => reason.includes("older ones"))).toHaveLength(1);
    told++;
  }
  expect(told).toBeGreaterThan(0);
});

/** Story: of a file half turned back, whose records were all in leaves of the store, next to nothing was found. */
describe.each(["there", "back"] as const)("half %s, with a damaged journal", (way) => {
  test("leaves of both sides are found, those of the store in trees of their own, and it is told", () => {
    const content = way === "there" ? expected : changed;
    for (const disk of disks[way]) {
      const vfs = disk.processKill(1);
      const state = inspectFile(vfs, FILE);
      if (state.kind !== "migrating") throw new Error("it is whole");
      const { journalStart, slotBytes } = state.program;
      damage(vfs, journalStart + 2 * slotBytes + 20);
      expect(() => inspectFile(vfs, FILE)).toThrow(
        /the file at offset \d+ is damaged: the journal of the migration/,
      );
      const { lost } = salvageLegacyFile(FILE, OUT, { vfs });
      expect(lost.map(({ reason }) => reason).join("\n")).toMatch(
        /journal of the migration has a damaged head: what is found may be older/,
      );
      expect(verified(vfs, OUT).problems).toEqual([]);
      const store = open<Uint8Array, Uint8Array>(OUT, { vfs });
      const trees = ["", ...Object.keys(store.stats().trees)].map((name) =>
        name === "" ? store : store.tree<Uint8Array, Uint8Array>(name),
      );
      let found = 0;
      for (const [key, value] of content) {
        const values = trees.map((tree) => tree.get(Buffer.from(key, "hex")));
        if (values.some((each) => each !== undefined && hex(each) === value)) found++;
      }
      store.close();
      // While pages are moved, some lie in places that only the journal knew.
      if (state.slot.phase === 2) expect(found).toBeGreaterThan(RECORDS * 0.85);
      else expect(found).toBe(RECORDS);
    }
  });
});
