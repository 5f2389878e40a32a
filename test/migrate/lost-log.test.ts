/**
 * A conversion that was interrupted finds its log gone, or cut: what the file itself holds is older, and must be taken
 * neither for the file's records nor for the file as it was.
 */

import { beforeAll, describe, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { planMigration } from "../../migrate/index.js";
import { asidePath } from "../../migrate/legacy-log.js";
import { CrashSignal, FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { readFully, writeFully } from "../../src/vfs/whole-io.js";
import { put, survey } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, rollBack, verified } from "./support.js";

const file = scatteredFile({
  generation: "gen3",
  pageSize: 1024,
  records: variedRecords(300, 100, 1),
  seed: 1,
  freePages: 3,
  inLog: 5,
});
const ASIDE = asidePath(FILE);

/** Disks on which a conversion was killed after its log was set aside and before its leaves were all made. */
async function interrupted(): Promise<FaultyVfs[]> {
  const dry = new FaultyVfs({ disk: file.vfs });
  await convert(dry, { verify: "none" });
  const found: FaultyVfs[] = [];
  for (let at = 1; at <= dry.calls; at++) {
    const vfs = new FaultyVfs({ disk: file.vfs });
    vfs.crashAt = at;
    await expect(convert(vfs, { verify: "none" })).rejects.toThrow(CrashSignal);
    const left = vfs.processKill(1);
    if (left.stat(ASIDE) !== undefined) found.push(left);
  }
  return found;
}

function bytesOf(vfs: Vfs, path: string): Buffer {
  const open = vfs.open(path, "read");
  const bytes = Buffer.alloc(open.size());
  readFully(open, bytes, 0, bytes.length, 0);
  open.close();
  return bytes;
}

let disks: FaultyVfs[];
beforeAll(async () => {
  disks = await interrupted();
});

function spoilLog(vfs: FaultyVfs, log: Uint8Array, frames: number): void {
  vfs.unlink(ASIDE);
  if (frames >= 0) put(vfs, ASIDE, log.subarray(0, 32 + frames * (32 + 1024)));
}

describe.each([
  ["is gone", -1],
  ["is empty", 0],
  ["is cut", 4],
])("a log that %s", (_, frames) => {
  test.each(["run", "rollback"] as const)("stops a %s, until it is there again", async (command) => {
    const log = bytesOf(file.vfs, `${FILE}-wal`);
    const act = command === "run" ? convert : rollBack;
    let stopped = 0;
    for (const disk of disks) {
      const vfs = disk.processKill(1);
      spoilLog(vfs, log, frames);
      const before = bytesOf(vfs, FILE);
      const [plan] = await planMigration([FILE], { vfs });
      const result = await act(vfs, { verify: "none" });
      if (command === "run") expect(plan!.possible).toBe(result.status !== "refused");
      if (result.status !== "refused") {
        // The leaves were all made.
        expect(result.reason).toBe(null);
        if (command === "run") expect(verified(vfs).digest).toBe(file.digest);
        else expect(survey(vfs).trees[0]?.content?.digest).toBe(file.digest);
        continue;
      }
      stopped++;
      expect(result.reason).toContain(`its log of 6 frames, ${ASIDE}, is missing`);
      if (command === "rollback") expect(bytesOf(vfs, FILE).equals(before)).toBe(true);
      if (frames >= 0) vfs.unlink(ASIDE);
      put(vfs, ASIDE, log);
      expect(await act(vfs, { verify: "none" })).toMatchObject({ reason: null });
      if (command === "run") expect(verified(vfs).digest).toBe(file.digest);
      else expect(survey(vfs).trees[0]?.content?.digest).toBe(file.digest);
    }
    expect(stopped).toBeGreaterThan(5);
  });
});

/** The log as a killed process leaves it: all but its first frame in the page cache only. */
function unsynced(): FaultyVfs {
  const log = bytesOf(file.vfs, `${FILE}-wal`);
  const durable = 32 + 32 + 1024;
  const disk = file.vfs.clone();
  put(disk, `${FILE}-wal`, log.subarray(0, durable));
  const vfs = new FaultyVfs({ disk });
  const open = vfs.open(`${FILE}-wal`, "write");
  writeFully(open, log, durable, log.length - durable, durable);
  open.close();
  return vfs;
}

test.each(["run", "rollback"] as const)(
  "a power cut takes nothing of a log from a conversion that has begun: a %s goes on",
  async (command) => {
    const vfs = unsynced();
    const cuts: FaultyVfs[] = [];
    vfs.onCall = ({ changes }) => {
      if (changes) cuts.push(vfs.powerCut("dropped", 1));
    };
    await convert(vfs);
    let half = 0;
    for (const cut of cuts) {
      if (inspectFile(cut, FILE).kind !== "migrating") continue;
      half++;
      expect(await (command === "run" ? convert : rollBack)(cut)).toMatchObject({ reason: null });
      if (command === "run") expect(verified(cut).digest).toBe(file.digest);
      else expect(survey(cut).trees[0]?.content?.digest).toBe(file.digest);
    }
    expect(half).toBeGreaterThan(20);
  },
);
