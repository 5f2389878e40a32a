/** A fence that a power cut has let begin, and not end: the journal knows what it has taken. */

import { expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { fenceSector, readProgram } from "../../migrate/in-place/program.js";
import { open } from "../../src/index.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { bytesOf } from "../support/damage.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, rollBack, verified } from "./support.js";

/** So far both begin alike, a store and a fence. */
const ALIKE = 5;

/** A store, closed; with each change its newest header is the other copy. */
async function storeOf(changes: number): Promise<MemoryVfs> {
  const records = variedRecords(100, 100, 1);
  const { vfs } = scatteredFile({ generation: "gen3", pageSize: 1024, records, seed: 1 });
  await convert(vfs);
  for (let i = 0; i < changes; i++) {
    const store = open<Uint8Array, Uint8Array>(FILE, { vfs });
    store.put(Buffer.from(`new ${i}`), Uint8Array.of(i));
    if (i > 0) store.checkpoint();
    store.close();
  }
  return vfs;
}

/** As a rollback leaves it that is killed when its fence is written. */
async function fenced(disk: MemoryVfs): Promise<FaultyVfs> {
  const vfs = new FaultyVfs({ disk });
  let left: FaultyVfs | undefined;
  vfs.onCall = ({ call }) => {
    const now = left === undefined ? vfs.processKill(call) : undefined;
    if (now !== undefined && inspectFile(now, FILE).kind === "migrating") left = now;
  };
  await rollBack(vfs);
  return left!;
}

/** The same with no more of the fence than its first `bytes` bytes. */
function torn(disk: MemoryVfs, whole: FaultyVfs, bytes: number): FaultyVfs {
  const left = whole.processKill(0);
  const sector = bytesOf(disk, FILE).slice(0, 512);
  const file = left.open(FILE, "write");
  sector.set(fenceSector(readProgram(file)!).subarray(0, bytes));
  writeFully(file, sector, 0, sector.length, 0);
  file.close();
  return left;
}

test.each([1, 2, 3, 4])("the rollback goes on, after %i changes", async (changes) => {
  const disk = await storeOf(changes);
  const [content] = Object.values(verified(disk).trees);
  const whole = await fenced(disk);
  let begun = 0;
  for (let bytes = ALIKE; bytes < 64; bytes++) {
    const left = torn(disk, whole, bytes);
    if (inspectFile(left, FILE).kind === "migrating") begun++;
    const result = await rollBack(left);
    expect(result, `${bytes} bytes`).toMatchObject({ status: "rolled-back", reason: null });
    expect(result.records).toBe(content!.records);
    await convert(left);
    expect(Object.values(verified(left).trees)[0]!.digest).toBe(content!.digest);
  }
  expect(begun).toBeGreaterThan(0);
});

/** Story: the first sector of the meta page came back, the rest of its block did not: the file was no legacy one any more. */
test.each([4096, 8192])(
  "a fence whose block the power cut ruined is taken back whole, pages of %i bytes",
  async (pageSize) => {
    const { vfs: disk } = scatteredFile({
      generation: "gen2",
      pageSize,
      records: variedRecords(100, 100, 1),
      seed: 1,
    });
    const vfs = new FaultyVfs({ disk });
    const ruined: FaultyVfs[] = [];
    vfs.onCall = ({ operation, path, position, length }) => {
      if (operation !== "write" || path !== FILE || position !== 0 || length !== 512) return;
      for (let seed = 1; seed <= 8; seed++) ruined.push(vfs.powerCut("garbage-blocks", seed));
    };
    await convert(vfs);
    let torn = 0;
    for (const left of ruined) {
      if (inspectFile(left, FILE).kind !== "migrating") continue;
      torn++;
      expect(await rollBack(left)).toMatchObject({ status: "rolled-back", reason: null });
      expect(bytesOf(left.live, FILE)).toEqual(bytesOf(disk, FILE));
    }
    expect(torn).toBeGreaterThan(0);
  },
);
