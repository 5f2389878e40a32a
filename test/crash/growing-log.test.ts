/** The crash test's workload of that name comes to what it is there for: syncs of the log beside its commits. */

import { expect, it } from "vitest";
import { segmentPath } from "../../src/log/log-format.js";
import { FaultyVfs } from "../../src/vfs/faulty-vfs.js";
import { Session, STORE_PATH } from "../support/session.js";
import { settingsOf, WORKLOADS } from "../support/workloads.js";

it.each([512, 4096])("growth of the log is synced in the background, pages of %i bytes", async (pageSize) => {
  const workload = WORKLOADS.find(({ name }) => name === "growing-log");
  if (workload === undefined) throw new Error("no such workload");
  for (let seed = 1; seed <= 3; seed++) {
    const vfs = new FaultyVfs({ seed });
    const paths: string[] = [];
    vfs.onCall = ({ operation, other, path }) => {
      if (operation === "sync" && other === "async") paths.push(path);
    };
    await workload.run(new Session(vfs, settingsOf(workload, pageSize), seed));
    expect(paths, `seed ${seed}`).toContain(segmentPath(STORE_PATH, 0));
  }
});
