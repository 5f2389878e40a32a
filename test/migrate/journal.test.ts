/** Journals of a conversion that are damaged, or say under right checksums what cannot be: told, nothing is made of them. */

import { crc32 } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { undoBeginning, writeNote } from "../../migrate/in-place/fence.js";
import { isUntouched } from "../../migrate/in-place/slot.js";
import { convertInPlace, resumeInPlace } from "../../migrate/in-place-steps.js";
import { newResult } from "../../migrate/results.js";
import { runFiles } from "../../migrate/run-files.js";
import { CorruptionError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { bytesOf } from "../support/damage.js";
import { fixtureInMemory, forgedVfs, put, record } from "./legacy/support.js";
import { convert, FILE, rollBack } from "./support.js";

const TRAILER = 512;

/** The file in the middle of its conversion: fence, journal, trailer. */
let whole: Uint8Array;
let headAt: number;
let headBytes: number;

beforeAll(() => {
  const vfs = fixtureInMemory("gen3/u64-seq-1k.db");
  const options = { verify: "none", assumeClosed: true } as const;
  const steps = convertInPlace(vfs, FILE, options, newResult(FILE), () => undefined);
  for (let step = steps.next(); !step.done && step.value.phase === "check"; step = steps.next());
  whole = bytesOf(vfs, FILE);
  steps.return(undefined);
  const trailer = new DataView(whole.buffer, whole.length - TRAILER);
  headAt = Number(trailer.getBigUint64(16, true)) + 2 * trailer.getUint32(12, true);
  headBytes = trailer.getUint32(24, true);
});

/** What a kill after each of its changes would leave. */
async function killedAfterEachChange(
  vfs: FaultyVfs,
  act: (vfs: FaultyVfs) => Promise<unknown>,
): Promise<FaultyVfs[]> {
  const images: FaultyVfs[] = [];
  vfs.onCall = ({ changes }) => {
    if (changes) images.push(vfs.processKill(1));
  };
  await act(vfs);
  return images;
}

function inspected(bytes: Uint8Array): string {
  const vfs = new MemoryVfs();
  put(vfs, FILE, bytes);
  return inspectFile(vfs, FILE).kind;
}

/** The file with another text as its head; lengths and checksums are right. */
function withHead(text: string): Uint8Array {
  const head = Buffer.from(text.padEnd(headBytes));
  expect(head.length).toBe(headBytes);
  const bytes = whole.slice();
  bytes.set(head, headAt);
  const view = new DataView(bytes.buffer);
  for (const at of [0, bytes.length - TRAILER]) {
    view.setUint32(at + 28, crc32(head), true);
    view.setUint32(at + 40, crc32(bytes.subarray(at, at + 40)), true);
  }
  return bytes;
}

function head(): { head: Record<string, unknown>; tables: unknown[] } {
  return JSON.parse(Buffer.from(whole.subarray(headAt, headAt + headBytes)).toString());
}

/** What a killed run has written may be in the page cache only: a power cut could take it from under what follows. */
test("what is there is synced before the next run writes", async () => {
  const disk = new MemoryVfs();
  put(disk, FILE, whole);
  const vfs = new FaultyVfs({ disk, seed: 1 });
  const calls: string[] = [];
  vfs.onCall = ({ operation, path }) => {
    if (path === FILE && (operation === "write" || operation === "sync")) calls.push(operation);
  };
  expect(await convert(vfs)).toMatchObject({ status: "converted", resumed: true });
  expect(calls).toContain("write");
  expect(calls[0]).toBe("sync");
});

test("a run that finds a conversion done does not tell a digest that the conversion never compared", async () => {
  for (const verify of ["none", "full"] as const) {
    const vfs = new FaultyVfs({ disk: fixtureInMemory("gen3/u64-seq-1k.db"), seed: 1 });
    const images = await killedAfterEachChange(vfs, async () =>
      expect(await convert(vfs, { verify })).toMatchObject({ status: "converted" }),
    );
    let done = 0;
    for (const image of images) {
      const isDone = inspectFile(image, FILE).kind === "store";
      const { digest, resumed } = await convert(image, { verify });
      if (!isDone || !resumed) continue;
      done++;
      expect(digest.before).not.toBe(null);
      expect(digest.after).toBe(verify === "none" ? null : digest.before);
    }
    expect(done).toBeGreaterThan(0);
  }
});

test("nor one of a store that was opened since, and never closed", async () => {
  const vfs = new FaultyVfs({ disk: fixtureInMemory("gen3/u64-seq-1k.db"), seed: 1 });
  const images = await killedAfterEachChange(vfs, convert);
  let done = 0;
  for (const image of images) {
    const state = inspectFile(image, FILE);
    if (state.kind !== "store" || state.leftover === undefined) continue;
    done++;
    const store = open<Uint8Array, Uint8Array>(FILE, { vfs: image });
    store.put(Uint8Array.of(1), Uint8Array.of(2));
    const { digest } = await convert(image.processKill(1));
    expect(digest.after).toBe(null);
    store.close();
  }
  expect(done).toBeGreaterThan(0);
});

test("nor does a rollback that only takes the fence down: it has read nothing", async () => {
  const vfs = new FaultyVfs({ disk: fixtureInMemory("gen3/u64-seq-1k.db"), seed: 1 });
  const images = await killedAfterEachChange(vfs, convert);
  let untouched = 0;
  for (const image of images) {
    const state = inspectFile(image, FILE);
    if (state.kind !== "migrating" || !isUntouched(state.slot)) continue;
    untouched++;
    const { status, digest } = await rollBack(image);
    expect({ status, after: digest.after }).toEqual({ status: "rolled-back", after: null });
    expect(digest.before).not.toBe(null);
  }
  expect(untouched).toBeGreaterThan(0);
});

test.each(["there", "back"] as const)(
  "what was interrupted just before its last write, %s, is checked by the run that ends it",
  async (way) => {
    const disk = fixtureInMemory("gen3/u64-seq-1k.db");
    if (way === "back") await convert(disk);
    const act = way === "there" ? convert : rollBack;
    const vfs = new FaultyVfs({ disk, seed: 1 });
    const images = await killedAfterEachChange(vfs, act);
    let last = 0;
    for (const image of images) {
      const state = inspectFile(image, FILE);
      if (state.kind !== "migrating" || state.slot.phase !== 4) continue;
      last++;
      expect(await act(image.processKill(1))).toMatchObject({ reason: null });
      const { leafPages } = state.program.tables;
      const file = image.open(FILE, "write");
      const at = leafPages[0]! * state.program.head.targetPageSize + 200;
      file.write(Uint8Array.of(0xa5, 0x5a, 0xa5), 0, 3, at);
      file.close();
      expect(await act(image)).toMatchObject({ status: "corrupt", digest: { after: null } });
    }
    expect(last).toBeGreaterThan(0);
  },
);

test("the whole one is a conversion that has begun", () => {
  expect(inspected(whole)).toBe("migrating");
  expect(inspected(withHead(JSON.stringify(head())))).toBe("migrating");
});

describe("a head that cannot be, under right checksums,", () => {
  test("is damage, whichever field it is", () => {
    const { head: fields } = head();
    for (const name of Object.keys(fields)) {
      for (const wrong of [undefined, null, -1, 0.5, {}, [{}], "", ["a"]]) {
        const changed = head();
        if (name === "legacy" && wrong === null) continue;
        if (
          typeof fields[name] === "string" &&
          wrong === "" &&
          !["direction", "generation", "verify"].includes(name)
        )
          continue;
        changed.head[name] = wrong;
        const text = JSON.stringify(changed);
        if (text.length > headBytes) continue;
        const what = `${name} is ${JSON.stringify(wrong)}`;
        expect(() => inspected(withHead(text)), what).toThrow(CorruptionError);
      }
    }
  });

  test("is damage, if it is no JSON or lacks a table", () => {
    for (const text of ["", "{", "null", "[]", "7", '{"head":{}}', '{"tables":[]}'])
      expect(() => inspected(withHead(text)), text).toThrow(/has a head that makes no sense/);
    const changed = head();
    changed.tables.pop();
    expect(() => inspected(withHead(JSON.stringify(changed)))).toThrow(CorruptionError);
  });
});

/** Story: it ended the whole run, and nothing was told of the other files. */
test("records that are not those of the program fail their file, and no other", async () => {
  const changed = head() as { head: object; tables: { words: number; crc: number }[] };
  const words = changed.tables.map((table) => table.words);
  const batches = words.length - 2;
  const before = words.slice(0, batches).reduce((sum, count) => sum + count, 0);
  const at = headAt + Math.ceil(headBytes / TRAILER) * TRAILER + before * 4;
  const table = whole.slice(at, at + words[batches]! * 4);
  new DataView(table.buffer).setUint32(table.length - 8, 999, true); // Records of all batches.
  changed.tables[batches]!.crc = crc32(table);
  const text = JSON.stringify(changed);
  const bytes = withHead(text);
  bytes.set(table, at);
  const vfs = fixtureInMemory("gen3/u64-range-delete.db");
  put(vfs, "/damaged.db", bytes);
  const paths = ["/damaged.db", FILE];
  const { files } = await runFiles("run", paths, { vfs, assumeClosed: true });
  expect(files.map(({ status }) => status)).toEqual(["corrupt", "converted"]);
  expect(files[0]!.reason).toContain("not those that were planned");
});

test("a bit flipped in head or tables is damage", () => {
  const end = whole.length - TRAILER;
  for (let at = headAt; at < end; at += at < headAt + headBytes ? 97 : 13) {
    // Padding between the parts is nobody's.
    if (whole[at] === 0) continue;
    const bytes = whole.slice();
    bytes[at]! ^= 4;
    expect(() => inspected(bytes), `byte ${at - headAt} of the head`).toThrow(CorruptionError);
  }
});

test("the mark counts where its checksum is right, at the end of the file or in the fence", () => {
  const spoiled = (...places: readonly number[]): Uint8Array => {
    const bytes = whole.slice();
    for (const at of places) bytes[at + 20]! ^= 1;
    return bytes;
  };
  const trailer = whole.length - TRAILER;
  expect(inspected(spoiled(trailer))).toBe("migrating");
  expect(inspected(spoiled(0))).toBe("migrating");
  expect(() => inspected(spoiled(0, trailer))).toThrow(/half converted.*salvage .*\(M3\)/);
  // Behind the end of a file that has grown since it is no trailer; the fence still says where the journal is.
  const longer = new Uint8Array(whole.length + TRAILER);
  longer.set(whole);
  longer.set(whole.subarray(trailer), whole.length);
  expect(inspected(longer)).toBe("migrating");
  longer[20]! ^= 1;
  expect(() => inspected(longer)).toThrow(/half converted.*salvage .*\(M3\)/);
});

test("the log is set aside while the fence is up, and is there until the end", () => {
  const vfs = fixtureInMemory("gen1/u64-wal.db");
  const beside = (): string[] => vfs.list("/").filter((name) => name.startsWith("file.db-wal"));
  expect(beside()).toEqual(["file.db-wal"]);
  const options = { verify: "full", assumeClosed: true } as const;
  const seen = new Set<string>();
  for (const { phase } of convertInPlace(vfs, FILE, options, newResult(FILE), () => undefined))
    seen.add(`${phase} ${beside()}`);
  expect([...seen]).toEqual([
    "check file.db-wal",
    "convert file.db-wal-migration",
    "verify file.db-wal-migration",
    "finish file.db-wal-migration",
  ]);
  expect(beside()).toEqual([]);
});

test("a conversion that was killed before the log was set aside sets it aside before it goes on", () => {
  const onDisk = (crashAt: number): FaultyVfs =>
    new FaultyVfs({ disk: fixtureInMemory("gen1/u64-wal.db"), crashAt });
  const work = (vfs: FaultyVfs): void => {
    const options = { verify: "none", assumeClosed: true } as const;
    for (const _ of convertInPlace(vfs, FILE, options, newResult(FILE), () => undefined));
  };
  const whole = onDisk(0);
  let aside = 0;
  whole.onCall = ({ call, operation, path }) => {
    if (operation === "rename" && path === `${FILE}-wal`) aside = call;
  };
  work(whole);
  const killed = onDisk(aside - 1);
  expect(() => work(killed)).toThrow(CrashSignal);
  const vfs = killed.processKill(1);
  const beside = (): string[] => vfs.list("/").filter((name) => name.startsWith("file.db-wal"));
  expect(beside()).toEqual(["file.db-wal"]);
  const seen = new Set<string>();
  for (const _ of resumeInPlace(vfs, FILE, newResult(FILE))) seen.add(String(beside()));
  expect([...seen]).toEqual(["file.db-wal-migration"]);
});

test("the log is set aside, and pages are written, when the fence is durable, not before", () => {
  const vfs = new FaultyVfs({ disk: fixtureInMemory("gen1/u64-wal.db") });
  const calls: string[] = [];
  const { size } = vfs.stat(FILE) as { size: number };
  vfs.onCall = ({ operation, path, position, other }) => {
    if (operation === "write" && path === FILE && position > 0 && position < size) calls.push("page");
    else if (operation === "write" && path === FILE && position === 0) calls.push("fence");
    else if (operation === "sync" && path === FILE) calls.push("sync");
    else if (operation === "rename" && `${path} ${other}`.includes("-wal")) calls.push("aside");
  };
  const options = { verify: "none", assumeClosed: true } as const;
  for (const _ of convertInPlace(vfs, FILE, options, newResult(FILE), () => undefined));
  const fence = calls.indexOf("fence");
  expect(fence).toBeGreaterThan(-1);
  const durable = calls.indexOf("sync", fence);
  expect(calls.indexOf("aside")).toBeGreaterThan(durable);
  // Nor is a byte of the file changed before.
  expect(calls.indexOf("page")).toBeGreaterThan(durable);
});

test("what an interrupted beginning has left is cut off, unless somebody has used the file since", () => {
  const short = { pages: [{ page: 1, records: [record("key")] }] };
  for (const [used, vfs, at] of [
    [false, fixtureInMemory("gen3/u64-seq-1k.db"), 4000],
    [true, fixtureInMemory("gen3/u64-seq-1k.db"), 4000],
    [false, forgedVfs(short), 800],
    [true, forgedVfs(short), 800],
  ] as const) {
    const file = vfs.open(FILE, "write");
    const before = file.size();
    writeNote(vfs, FILE, file);
    file.write(new Uint8Array(5000).fill(7), 0, 5000, before);
    if (used) file.write(Uint8Array.of(1, 2, 3), 0, 3, at);
    file.close();
    expect(undoBeginning(vfs, FILE)).toBe(true);
    expect(vfs.stat(FILE)?.size, `used since: ${used}`).toBe(used ? before + 5000 : before);
    expect(undoBeginning(vfs, FILE)).toBe(false);
  }
});
