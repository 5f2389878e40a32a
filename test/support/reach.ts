/**
 * Counts how often a workload comes to the rare things that it is there for: what no counter of the store tells
 * apart is counted by looking on at its inner methods.
 */

import { Checkpoint } from "../../src/log/checkpoint.js";
import { PageSpace } from "../../src/pager/page-space.js";
import { Pager } from "../../src/pager/pager.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { STORE_PATH } from "./session.js";
import { makeSyncsSlow } from "./slow-syncs.js";
import { sessionOf, type Workload } from "./workloads.js";

export interface Reach {
  spills: number;
  checkpoints: number;
  /** Transactions undone after pages of them were spilled. */
  spillsUndone: number;
  /** Transactions that went on in another segment. */
  carriedOver: number;
  /** Checkpoints that were finished in the midst of a transaction, and blocks that they wrote then. */
  finishedInside: number;
  writtenInside: number;
  /** Blocks that the transaction had changed, or spilled, which the checkpoint wrote as they were before. */
  beforeImages: number;
  /** Pages of the transaction that had to go to the log for it. */
  spilledInside: number;
  versionSpills: number;
  versionsReread: number;
  /** Cuts of the file. */
  cuts: number;
  /** Pages and runs taken from free ones. */
  reused: number;
}

function nothing(): Reach {
  return {
    spills: 0,
    checkpoints: 0,
    spillsUndone: 0,
    carriedOver: 0,
    finishedInside: 0,
    writtenInside: 0,
    beforeImages: 0,
    spilledInside: 0,
    versionSpills: 0,
    versionsReread: 0,
    cuts: 0,
    reused: 0,
  };
}

/** Runs the workload once, and says what it came to. */
export async function reachOf(workload: Workload, pageSize: number, seed: number): Promise<Reach> {
  const reach = nothing();
  const restorers = [lookOn(reach)];
  if (workload.slowSyncs === true) restorers.push(makeSyncsSlow());
  const vfs = new FaultyVfs({ seed });
  vfs.onCall = ({ operation, path }) => {
    if (path.includes("-versions-") && operation === "write") reach.versionSpills++;
    if (path.includes("-versions-") && operation === "read") reach.versionsReread++;
    if (path === STORE_PATH && operation === "truncate") reach.cuts++;
  };
  try {
    await workload.run(sessionOf(workload, vfs, pageSize, seed));
  } finally {
    for (const restore of restorers) restore();
  }
  return reach;
}

/** Counts from now on, in all stores; returns what ends it. */
function lookOn(reach: Reach): () => void {
  const { commit, rollback, carryOver, beforeImage, close } = Pager.prototype;
  const { finish } = Checkpoint.prototype;
  const { takePage, takeRun } = PageSpace.prototype;
  let current: Pager | undefined;
  Pager.prototype.commit = function (sync) {
    current = this;
    commit.call(this, sync);
  };
  Pager.prototype.rollback = function () {
    if (this.inTransaction && this.log.partWritten) reach.spillsUndone++;
    rollback.call(this);
  };
  Pager.prototype.carryOver = function () {
    reach.carriedOver++;
    carryOver.call(this);
  };
  Pager.prototype.beforeImage = function (block) {
    reach.beforeImages++;
    return beforeImage.call(this, block);
  };
  Pager.prototype.close = function () {
    reach.spills += this.metrics.pager.spills;
    reach.checkpoints += this.metrics.pager.checkpoints;
    close.call(this);
  };
  Checkpoint.prototype.finish = function () {
    const inside = this.running && current?.inTransaction === true ? current.metrics.pager : undefined;
    const before = { ...inside };
    finish.call(this);
    if (inside === undefined) return;
    reach.finishedInside++;
    reach.writtenInside += inside.writebacks - before.writebacks!;
    reach.spilledInside += inside.spills - before.spills!;
  };
  PageSpace.prototype.takePage = function (oldestSnapshot) {
    const { pageCount } = this;
    const page = takePage.call(this, oldestSnapshot);
    if (pageCount === this.pageCount) reach.reused++;
    return page;
  };
  PageSpace.prototype.takeRun = function (count, lowest) {
    const { pageCount } = this;
    const run = takeRun.call(this, count, lowest);
    if (pageCount === this.pageCount) reach.reused++;
    return run;
  };
  return () => {
    Object.assign(Pager.prototype, { commit, rollback, carryOver, beforeImage, close });
    Object.assign(Checkpoint.prototype, { finish });
    Object.assign(PageSpace.prototype, { takePage, takeRun });
  };
}
