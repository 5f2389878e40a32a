/** Group commit: whoever waits is told when a sync has covered that commit, not when any sync ends (S1). */

import { expect, it } from "vitest";
import { ClosedError, PoisonedError } from "../../src/index.js";
import { GroupCommit } from "../../src/log/group-commit.js";
import type { RedoLog } from "../../src/log/redo-log.js";

/** A log whose background syncs end when the test says so. */
class SlowLog {
  readonly started = true;
  committed = 0;
  durable = 0;
  failure: unknown;
  readonly syncs: { readonly end: () => void; readonly fail: () => void }[] = [];

  syncInBackground(): Promise<void> {
    const covered = this.committed;
    return new Promise((resolve, reject) => {
      this.syncs.push({
        end: () => {
          this.durable = covered;
          resolve();
        },
        fail: () => {
          this.failure = new Error("lost");
          reject(this.poisoned());
        },
      });
    });
  }

  poisoned(): PoisonedError {
    return new PoisonedError("a sync failed", this.failure);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("commits that arrive during a sync wait for the next one", async () => {
  const log = new SlowLog();
  const group = new GroupCommit(log as unknown as RedoLog);
  const told: string[] = [];
  const commit = (name: string): void => {
    log.committed++;
    void group.durable().then(
      () => told.push(name),
      () => told.push(`not ${name}`),
    );
  };
  commit("first");
  commit("with the first");
  await turn();
  expect(log.syncs).toHaveLength(1);
  commit("during the first sync");
  log.syncs[0]?.end();
  await turn();
  expect(told).toEqual(["first", "with the first"]);
  expect(log.syncs).toHaveLength(2);
  commit("during the second sync");
  log.syncs[1]?.fail();
  await turn();
  expect(told.slice(2)).toEqual(["not during the first sync", "not during the second sync"]);
  await expect(group.durable()).rejects.toThrow(PoisonedError);
});

it("what is durable already waits for nothing", async () => {
  const log = new SlowLog();
  const group = new GroupCommit(log as unknown as RedoLog);
  await group.durable();
  log.committed = 3;
  log.durable = 3;
  await group.durable();
  expect(log.syncs).toHaveLength(0);
});

it("who still waits when a store whose log has failed is closed is told of that failure", async () => {
  const log = new SlowLog();
  const group = new GroupCommit(log as unknown as RedoLog);
  log.committed = 1;
  const waiting = group.durable();
  log.failure = new Error("lost");
  group.fail(new ClosedError());
  await expect(waiting).rejects.toBeInstanceOf(PoisonedError);
  await expect(waiting).rejects.toMatchObject({ message: "a sync failed", cause: log.failure });
});
