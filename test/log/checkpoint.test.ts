/** What a checkpoint does about a sync of the data file that fails: whoever reads the file is told. */

import { expect, it } from "vitest";
import { Checkpoint, type CheckpointTarget, InlineSync } from "../../src/log/checkpoint.js";
import type { RedoLog } from "../../src/log/redo-log.js";
import type { VfsFile } from "../../src/vfs/vfs.js";

it.each(["step", "finish", "waitForSync"] as const)(
  "a sync that fails poisons, and its file is told: %s",
  (way) => {
    const told: string[] = [];
    const log = { segmentBytes: 1024 * 1024, standby: { size: 1024 * 1024 }, failure: undefined as unknown };
    const target: CheckpointTarget = {
      collect: () => 1,
      writeSome: () => true,
      syncing: () => void told.push("syncing"),
      synced: () => void told.push("synced"),
      syncFailed: () => void told.push("failed"),
      writeHeader: () => void told.push("header"),
      finished: () => void told.push("finished"),
    };
    const broken = new Error("disk on fire");
    const file = {
      sync: () => {
        throw broken;
      },
    } as unknown as VfsFile;
    const checkpoint = new Checkpoint(log as unknown as RedoLog, target, file, new InlineSync(), 1024 * 1024);
    checkpoint.begin();
    expect(() => {
      if (way === "waitForSync") {
        checkpoint.step(100_000);
        checkpoint.waitForSync();
      } else if (way === "step") for (let i = 0; i < 100; i++) checkpoint.step(100_000);
      else checkpoint.finish();
    }).toThrow(broken);
    expect(told).toEqual(["syncing", "failed"]);
    expect(log.failure).toBe(broken);
    expect(checkpoint.running).toBe(false);
  },
);
