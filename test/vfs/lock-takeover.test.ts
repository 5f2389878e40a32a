/** How a lock whose holder is gone is taken over (P5): by one taker, whatever fails or crashes on the way. */

import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { IoError } from "../../src/base/errors.js";
import { acquireLock } from "../../src/vfs/lock.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { altered, folder, leaveLock, refusal, store } from "./lock-bed.js";

it("a store whose name leaves no room for a takeover's gets no lock either", () => {
  let taken = 0;
  for (const length of [212, 213, 214, 215, 216, 217, 218, 224, 250, 251, 255]) {
    const named = join(folder, "x".repeat(length));
    try {
      acquireLock(nodeVfs, named).release();
      taken++;
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_ESPALIER_IO", errno: "ENAMETOOLONG" });
      const reading = acquireLock(nodeVfs, named, { readOnly: true });
      expect(reading.onDisk).toBe(false);
      reading.release();
      continue;
    }
    leaveLock(`${"x".repeat(length)}-lock`, {});
    acquireLock(nodeVfs, named).release();
  }
  expect(taken).toBeGreaterThan(0);
  expect(fs.readdirSync(folder)).toEqual([]);
});

describe("a crash in a takeover", () => {
  /** Runs a takeover that dies at its n-th call that changes something; false when it made fewer. */
  function dieAt(change: number): boolean {
    let count = 0;
    const die = new Error("dead");
    const guard = <A extends unknown[], R>(call: (...args: A) => R): ((...args: A) => R) => {
      return (...args) => {
        if (++count >= change) throw die;
        return call(...args);
      };
    };
    const vfs = altered({
      open: (path, mode) => (mode === "create" ? guard(nodeVfs.open)(path, mode) : nodeVfs.open(path, mode)),
      link: guard((from: string, to: string) => nodeVfs.link(from, to)),
      rename: guard((from: string, to: string) => nodeVfs.rename(from, to)),
      unlink: guard((path: string) => nodeVfs.unlink(path)),
    });
    try {
      acquireLock(vfs, store);
      return false;
    } catch (error) {
      if (error === die) return true;
      throw error;
    }
  }

  /** Makes every file there is the work of a process that is gone. */
  function buryTheDead(): void {
    for (const name of fs.readdirSync(folder)) {
      const text = JSON.parse(fs.readFileSync(join(folder, name), "utf8"));
      fs.writeFileSync(join(folder, name), JSON.stringify({ ...text, pid: 2 ** 22 + 2 }));
    }
    const home = globalThis as { [key: symbol]: { shared: Map<string, unknown> } | undefined };
    home[Symbol.for("espalier.locks.1")]?.shared.clear();
  }

  it("at any step, and again in the next one, leaves it to be taken and nothing behind", () => {
    let crashes = 0;
    for (let first = 1; first < 12; first++) {
      for (let second = 0; second < 12; second++) {
        leaveLock("db-lock", {});
        if (!dieAt(first)) second = 12;
        else crashes++;
        buryTheDead();
        if (second > 0 && second < 12) {
          if (!dieAt(second)) second = 12;
          else crashes++;
          buryTheDead();
        }
        const lock = acquireLock(nodeVfs, store);
        expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
        lock.release();
        expect(fs.readdirSync(folder)).toEqual([]);
      }
    }
    // Its own text made and linked as the claim, renamed, its text removed; and the longer ones after it.
    expect(crashes).toBeGreaterThan(20);
  });

  it("keeps others out while the taker lives", () => {
    const nonce = leaveLock("db-lock", {});
    leaveLock(`db-lock.${nonce}.takeover`, { pid: process.pid, task: process.pid, taskStarted: 0 });
    const error = refusal();
    expect(error.holder?.pid).toBe(process.pid);
    expect(fs.readdirSync(folder).length).toBe(2);
  });

  it("a claim that comes too late gives way to the lock that was taken meanwhile", () => {
    leaveLock("db-lock", {});
    let once = true;
    const vfs = altered({
      link: (from, to) => {
        // Between the look at the dead lock and the claim, another one takes it over and holds it.
        if (once && to.endsWith(".takeover")) {
          once = false;
          fs.unlinkSync(`${store}-lock`);
          leaveLock("db-lock", { host: "winner", machine: "other", boot: "other" });
        }
        nodeVfs.link(from, to);
      },
    });
    expect(refusal({}, vfs).holder?.host).toBe("winner");
    expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
  });
});

describe("a takeover that fails", () => {
  it.each([0, 1])(
    "leaves no claim behind, which would keep the others out (after %i dead takers)",
    (takers) => {
      const nonce = leaveLock("db-lock", {});
      if (takers > 0) leaveLock(`db-lock.${nonce}.takeover`, {});
      const before = fs.readdirSync(folder);
      const vfs = altered({
        rename: (from) => {
          throw new IoError(from, "rename", "EPERM");
        },
      });
      expect(() => acquireLock(vfs, store)).toThrow("EPERM");
      expect(fs.readdirSync(folder)).toEqual(before);
      acquireLock(nodeVfs, store).release();
      expect(fs.readdirSync(folder)).toEqual([]);
    },
  );
});
