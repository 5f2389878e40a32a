/** Rehearsals of one file at a time: they have one name for their clones. */

import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { rehearse } from "../../migrate/index.js";
import { rehearsalPath, rehearseSteps } from "../../migrate/rehearse-steps.js";
import { newResult } from "../../migrate/results.js";
import { acquireLock } from "../../src/vfs/lock.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { fixtureFolder } from "./legacy/fixtures.js";
import { leaveClaim } from "./support.js";

test("a rehearsal leaves that of another alone, and says that it is going on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-rehearse-"));
  try {
    const path = join(folder, "a.db");
    cpSync(join(fixtureFolder, "gen2/bytes-churn-inplace-1k.db"), path);
    const before = readFileSync(path);
    const result = newResult(path);
    const steps = rehearseSteps(path, {}, result);
    expect(steps.next().done).toBe(false);
    expect(readdirSync(folder)).toContain("a.db-migration-rehearsal");
    const other = await rehearse([path]);
    expect(other.files[0]).toMatchObject({
      status: "locked",
      reason: expect.stringContaining(`${path} is being rehearsed already`),
    });
    expect(readdirSync(folder)).toContain("a.db-migration-rehearsal");
    for (let step = steps.next(); step.done !== true; step = steps.next());
    expect(result).toMatchObject({ status: "rehearsed", reason: null });
    // What one that was killed has left.
    leaveClaim(path);
    cpSync(path, rehearsalPath(path));
    expect((await rehearse([path])).files[0]).toMatchObject({ status: "rehearsed", reason: null });
    expect(readdirSync(folder)).toEqual(["a.db"]);
    expect(readFileSync(path).equals(before)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Root may do anything; it rehearses as somebody else here. */
const SOMEBODY = 65534;

test.skipIf(process.platform === "win32")(
  "a rehearsal that can't remove its clone leaves the file to the next one of the same process",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-rehearse-"));
    const isRoot = process.getuid?.() === 0;
    try {
      const path = join(folder, "a.db");
      cpSync(join(fixtureFolder, "gen2/bytes-churn-inplace-1k.db"), path);
      if (isRoot) {
        for (const name of [path, folder]) chownSync(name, SOMEBODY, SOMEBODY);
        process.seteuid!(SOMEBODY);
      }
      const options = { assumeClosed: true };
      const steps = rehearseSteps(path, options, newResult(path));
      steps.next();
      chmodSync(folder, 0o555);
      expect(() => steps.return()).toThrow("EACCES");
      chmodSync(folder, 0o755);
      expect((await rehearse([path], options)).files[0]).toMatchObject({ status: "rehearsed", reason: null });
      expect(readdirSync(folder)).toEqual(["a.db"]);
    } finally {
      if (isRoot) process.seteuid!(0);
      rmSync(folder, { recursive: true });
    }
  },
);

test("a rehearsal removes nothing that has its clone's name and is none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "espalier-rehearse-"));
  try {
    const path = join(folder, "a.db");
    cpSync(join(fixtureFolder, "gen2/bytes-churn-inplace-1k.db"), path);
    mkdirSync(rehearsalPath(path));
    writeFileSync(join(rehearsalPath(path), "notes.txt"), "mine");
    const refused = {
      status: "refused",
      reason: expect.stringContaining(`${rehearsalPath(path)} is no rehearsal's`),
    };
    const link = vi.spyOn(nodeVfs, "link");
    expect((await rehearse([path])).files[0]).toMatchObject(refused);
    // Killed with a claim, it would have told the next one that this is its.
    expect(link).not.toHaveBeenCalled();
    // Another one, refused alike, lets go while this one looks.
    const other = acquireLock(nodeVfs, `${rehearsalPath(path)}-claim`);
    const { opener: _, ...elsewhere } = JSON.parse(readFileSync(other.path, "utf8"));
    other.release();
    writeFileSync(other.path, JSON.stringify(elsewhere));
    const open = nodeVfs.open.bind(nodeVfs);
    const opening = vi.spyOn(nodeVfs, "open").mockImplementation((...args) => {
      const file = open(...args);
      const close = file.close.bind(file);
      file.close = () => {
        close();
        if (file.path !== other.path) return;
        rmSync(other.path);
        opening.mockRestore();
      };
      return file;
    });
    expect((await rehearse([path])).files[0]).toMatchObject(refused);
    expect(readFileSync(join(rehearsalPath(path), "notes.txt"), "utf8")).toBe("mine");
    expect(readdirSync(folder)).toEqual(["a.db", "a.db-migration-rehearsal"]);
  } finally {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  }
});

test.each(["-migration", "-migration-new"])(
  "what a run is refused for, so is a rehearsal: %s",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-rehearse-"));
    try {
      const path = join(folder, "a.db");
      cpSync(join(fixtureFolder, "gen2/bytes-churn-inplace-1k.db"), path);
      writeFileSync(path + name, "What is to be done when the orders are migrated.\n");
      expect((await rehearse([path])).files[0]).toMatchObject({
        status: "refused",
        reason: expect.stringContaining(`${path}${name} is not the migrator's`),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
