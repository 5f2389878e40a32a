/** What a rewrite that did not come to its end leaves beside the store that it has made: the log above all. */

import { describe, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { planMigration } from "../../migrate/index.js";
import { keptPath } from "../../migrate/other-names.js";
import { IoError } from "../../src/base/errors.js";
import { open } from "../../src/index.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { fixture } from "./legacy/fixtures.js";
import { fixtureInMemory, put, survey } from "./legacy/support.js";
import { convert, FILE, names, rollBack, verified } from "./support.js";

const LOG = `${FILE}-wal`;

function bytesOf(vfs: Vfs, path: string): Buffer {
  const file = vfs.open(path, "read");
  const bytes = Buffer.alloc(file.size());
  readFully(file, bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

describe("a log that is a folder, with segments to be used again", () => {
  const FOLDER = "gen3-late/u64-wal.db";

  test.each(["run", "rollback"] as const)(
    "is known as the file's own however much of it is removed: %s",
    async (command) => {
      const disk = fixtureInMemory(FOLDER);
      disk.makeFolder(`${LOG}/recycle`);
      put(disk, `${LOG}/recycle/wal-000001`, new Uint8Array(100));
      put(disk, `${LOG}/wal.dwm`, new Uint8Array(8).fill(1));
      const vfs = new FaultyVfs({ disk });
      const left: FaultyVfs[] = [];
      vfs.onCall = ({ operation }) => {
        if (operation === "unlink" || operation === "remove-folder") left.push(vfs.processKill(1));
      };
      await convert(vfs, { strategy: "rewrite" });
      let half = 0;
      for (const image of left) {
        if (inspectFile(image, FILE).kind !== "store") continue;
        if (image.stat(`${LOG}/active/wal-000003`) === undefined) half++;
        const act = command === "run" ? convert : rollBack;
        expect(await act(image, { strategy: "rewrite" })).toMatchObject({ reason: null });
        const digest = command === "run" ? verified(image).digest : survey(image).trees[0]?.content?.digest;
        expect(digest).toBe(fixture(FOLDER).sha256);
        expect(names(image)).toEqual(["file.db"]);
      }
      expect(half).toBeGreaterThan(3);
    },
  );
});

describe("commits that came while the file was being replaced", () => {
  /** Story: only those up to the durable mark of the log were looked at, and the log went. */
  test.each(["run", "rollback"] as const)(
    "stay where a mark says that they may not count: %s",
    async (command) => {
      const whole = fixtureInMemory("gen3-late/u64-wal.db");
      const vfs = new MemoryVfs();
      put(vfs, FILE, bytesOf(whole, FILE));
      expect(await convert(vfs, { strategy: "rewrite" })).toMatchObject({ status: "converted" });
      vfs.makeFolder(LOG);
      vfs.makeFolder(`${LOG}/active`);
      const segment = `${LOG}/active/wal-000003`;
      put(vfs, segment, bytesOf(whole, segment));
      put(vfs, `${LOG}/wal.dwm`, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1));
      const before = names(vfs);
      const again = await (command === "run" ? convert : rollBack)(vfs);
      expect(again).toMatchObject({
        status: "refused",
        reason: expect.stringContaining(`${LOG}, has commits`),
      });
      expect(names(vfs)).toEqual(before);
    },
  );

  const NAME = "gen1/u64-wal.db";
  const FRAME = 32 + 8192;
  const log = bytesOf(fixtureInMemory(NAME), LOG);
  /** The log without its last commit, whose frames have one LSN. */
  let end = log.length;
  const lsn = log.readBigUInt64BE(end - FRAME);
  while (end > 32 && log.readBigUInt64BE(end - FRAME) === lsn) end -= FRAME;

  function visited(): FaultyVfs {
    const disk = fixtureInMemory(NAME);
    put(disk, LOG, log.subarray(0, end));
    const vfs = new FaultyVfs({ disk });
    vfs.onCall = ({ operation }) => {
      if (operation === "rename") put(vfs, LOG, log);
    };
    return vfs;
  }

  test.each(["run", "rollback"] as const)(
    "stay where there are no hard links to give the file back: a %s takes none for done",
    async (command) => {
      const vfs = visited();
      vfs.link = (from) => {
        throw new IoError(from, "link", "EPERM");
      };
      expect(await convert(vfs, { strategy: "rewrite" })).toMatchObject({ status: "locked" });
      vfs.onCall = undefined;
      expect(inspectFile(vfs, FILE).kind).toBe("store");
      const again = await (command === "run" ? convert : rollBack)(vfs);
      expect(again).toMatchObject({
        status: "refused",
        reason: expect.stringContaining(`${LOG}, has commits`),
      });
      expect(bytesOf(vfs, LOG).equals(log)).toBe(true);
    },
  );

  /** Killed when the new file has taken the place of the old one, before it was looked who has that open. */
  async function killed(): Promise<FaultyVfs> {
    const vfs = visited();
    const { rename } = vfs;
    vfs.rename = (from, to) => {
      rename.call(vfs, from, to);
      vfs.crashNow();
    };
    await expect(convert(vfs, { strategy: "rewrite" })).rejects.toThrow(CrashSignal);
    const left = vfs.processKill(1);
    expect(inspectFile(left, FILE).kind).toBe("store");
    return left;
  }

  test("stay with the file that they belong to where the migrator was killed before it had looked", async () => {
    const left = await killed();
    const again = await convert(left);
    expect(again).toMatchObject({ status: "refused", reason: expect.stringContaining(keptPath(FILE)) });
    left.rename(keptPath(FILE), FILE);
    expect(await convert(left)).toMatchObject({ status: "converted", reason: null });
    expect(verified(left).digest).toBe(fixture(NAME).sha256);
    expect(names(left)).toEqual(["file.db"]);
  });

  /** Story: the file that they belong to was removed, and the run said that there was nothing to do. */
  test("stay so, too, where the store has been used since", async () => {
    const left = await killed();
    const store = open<Uint8Array, Uint8Array>(FILE, { vfs: left });
    store.put(Uint8Array.of(1), Uint8Array.of(1));
    store.close();
    const before = names(left);
    const [plan] = await planMigration([FILE], { vfs: left });
    expect(plan).toMatchObject({ possible: false, reasons: [expect.stringContaining("has commits")] });
    for (const act of [convert, rollBack]) {
      const again = await act(left);
      expect(again).toMatchObject({ status: "refused", reason: expect.stringContaining(keptPath(FILE)) });
      expect(names(left)).toEqual(before);
    }
  });
});
