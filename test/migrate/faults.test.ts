/** Disks that are full or fail, at every call of a conversion and a rollback: told, and the next run goes on. */

import { describe, expect, test } from "vitest";
import type { FileResult } from "../../migrate/results.js";
import type { FaultKind } from "../../src/vfs/faults.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import type { MemoryVfs } from "../../src/vfs/memory-vfs.js";
import type { Vfs } from "../../src/vfs/vfs.js";
import { survey } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";
import { convert, FILE, names, rollBack, verified } from "./support.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? 1);
const file = scatteredFile({
  generation: "gen3",
  pageSize: 1024,
  records: variedRecords(120, 150, SEED),
  seed: SEED,
  freePages: 3,
  inLog: 5,
});

type Action = (vfs: Vfs) => Promise<FileResult>;

interface Count {
  struck: number;
  failed: number;
}

async function withFaults(
  disk: MemoryVfs,
  action: Action,
  kind: FaultKind,
  check: (vfs: Vfs) => void,
): Promise<Count> {
  const dry = new FaultyVfs({ disk });
  await action(dry);
  const count: Count = { struck: 0, failed: 0 };
  const stride = kind === "EIO" || kind === "ENOSPC" ? 1 : 3;
  for (let at = 1; at <= dry.calls; at += stride) {
    for (const lasts of at % 4 === 0 ? (["once", "forever"] as const) : (["once"] as const)) {
      const vfs = new FaultyVfs({ disk, seed: SEED + at, faults: [{ kind, at, lasts }] });
      const result = await action(vfs);
      if (vfs.faultsHit > 0) count.struck++;
      if (result.reason !== null) {
        count.failed++;
        expect(result.reason, `${kind} at ${at} ${lasts}`).toMatch(/failed|locked|EIO|no room/);
      }
      const next = vfs.processKill(1);
      const again = await action(next);
      expect(again.reason, `${kind} at ${at} ${lasts}`).toBe(null);
      check(next);
    }
  }
  return count;
}

function isStore(vfs: Vfs): void {
  const report = verified(vfs);
  expect(report.problems).toEqual([]);
  expect(report.digest).toBe(file.digest);
  expect(names(vfs)).toEqual(["file.db"]);
}

function isLegacy(vfs: Vfs): void {
  const found = survey(vfs);
  expect(found.problems).toEqual([]);
  expect(found.trees[0]?.content?.digest).toBe(file.digest);
  expect(found.trees[0]?.root).toBe(file.root);
  expect(names(vfs)).toEqual(["file.db"]);
}

describe.each(["ENOSPC", "EIO", "lost-sync", "short"] as const)("%s", (kind) => {
  test.each(["in-place", "rewrite"] as const)("there, %s", async (strategy) => {
    const count = await withFaults(file.vfs, (vfs) => convert(vfs, { strategy }), kind, isStore);
    expect(count.struck).toBeGreaterThan(4);
    if (kind !== "short") expect(count.failed).toBeGreaterThan(4);
  });

  test("back", async () => {
    const disk = file.vfs.clone();
    await convert(disk);
    const count = await withFaults(disk, rollBack, kind, isLegacy);
    expect(count.struck).toBeGreaterThan(4);
    if (kind !== "short") expect(count.failed).toBeGreaterThan(4);
  });
});

test("a full disk before the fence leaves the file as it was, byte for byte", async () => {
  const before = bytesOf(file.vfs);
  const vfs = new FaultyVfs({ disk: file.vfs, capacityBytes: totalBytes(file.vfs) + 2048 });
  const result = await convert(vfs);
  expect(result.status).toBe("failed");
  expect(bytesOf(vfs)).toEqual(before);
  expect(names(vfs)).toEqual(["file.db", "file.db-wal"]);
});

function bytesOf(vfs: Vfs): Uint8Array {
  const open = vfs.open(FILE, "read");
  const bytes = new Uint8Array(open.size());
  open.read(bytes, 0, bytes.length, 0);
  open.close();
  return bytes;
}

function totalBytes(vfs: Vfs): number {
  return names(vfs).reduce((sum, name) => sum + (vfs.stat(`/${name}`)?.size ?? 0), 0);
}
