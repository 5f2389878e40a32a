/** The lock between real processes and threads: races for it, deaths with it, waiting for it. */

import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LockedError } from "../../src/base/errors.js";
import { acquireLock, readLock } from "../../src/vfs/lock.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { newNonce } from "../../src/vfs/nonce.js";
import { ownIdentity } from "../../src/vfs/process-identity.js";
import { compiled } from "../support/compiled.js";

/** Takes commands on its input: "take <path> <timeout>" and "release"; answers with a line each. */
const CHILD = `
  import { createInterface } from "node:readline";
  const { acquireLock } = await import(process.argv[1] + "/src/vfs/lock.js");
  const { nodeVfs } = await import(process.argv[1] + "/src/vfs/node-vfs.js");
  let lock;
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, path, timeout] = line.split(" ");
    try {
      if (command === "release") { lock.release(); console.log("released"); }
      else { lock = acquireLock(nodeVfs, path, { timeoutMs: Number(timeout) }); console.log("got"); }
    } catch (error) {
      console.log(error.code + " " + (error.holder?.pid ?? "") + " " + error.message);
    }
  }`;

class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor() {
    const args = ["--input-type=module", "-e", CHILD, compiled()];
    this.process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.process.once("exit", resolve));
    children.push(this);
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    return next.done === true ? "ended" : next.value;
  }

  send(command: string): void {
    this.process.stdin!.write(`${command}\n`);
  }

  async ask(command: string): Promise<string> {
    this.send(command);
    return this.line();
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.#ended;
  }
}

let folder: string;
let store: string;
let children: Child[] = [];

beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "espalier-lock-")));
  store = join(folder, "db");
});
afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()));
  children = [];
  fs.rmSync(folder, { recursive: true });
});

async function startChildren(count: number): Promise<Child[]> {
  const started = Array.from({ length: count }, () => new Child());
  expect(await Promise.all(started.map((child) => child.line()))).toEqual(started.map(() => "ready"));
  return started;
}

/** A lock whose holder is dead; every second one with a dead taker's claim on it as well. */
function leaveStaleLock(path: string, withClaim: boolean): void {
  const dead = { ...ownIdentity(), pid: 2 ** 22 + 1, since: 1, openedAt: "" };
  const nonce = newNonce();
  fs.writeFileSync(`${path}-lock`, JSON.stringify({ ...dead, nonce }));
  if (!withClaim) return;
  fs.writeFileSync(`${path}-lock.${nonce}.takeover`, JSON.stringify({ ...dead, nonce: newNonce() }));
}

it("of 8 processes racing for a stale lock exactly one gets it, 20 times", async () => {
  const racers = await startChildren(8);
  for (let round = 0; round < 20; round++) {
    leaveStaleLock(store, round % 2 === 1);
    const answers = await Promise.all(racers.map((child) => child.ask(`take ${store} 0`)));
    const winners = racers.filter((_, index) => answers[index] === "got");
    expect(answers.filter((answer) => answer === "got").length, answers.join("\n")).toBe(1);
    for (const answer of answers) expect(answer).toMatch(/^(got|ERR_ESPALIER_LOCKED \d+ )/);
    expect(readLock(nodeVfs, store)).toMatchObject({
      state: "alive",
      holder: { pid: winners[0]?.process.pid },
    });
    expect(await winners[0]?.ask("release")).toBe("released");
    expect(fs.readdirSync(folder)).toEqual([]);
  }
});

it("kill -9 of the holder leaves a lock that the next opener takes over", async () => {
  const [holder, next] = await startChildren(2);
  expect(await holder!.ask(`take ${store} 0`)).toBe("got");
  const refused = await next!.ask(`take ${store} 0`);
  expect(refused).toContain(`ERR_ESPALIER_LOCKED ${holder!.process.pid} ${store} is locked by process`);
  expect(() => acquireLock(nodeVfs, store)).toThrow(LockedError);
  await holder!.kill();
  expect(fs.readdirSync(folder)).toEqual(["db-lock"]);
  expect(readLock(nodeVfs, store).state).toBe("dead");
  expect(await next!.ask(`take ${store} 0`)).toBe("got");
  await next!.kill();
  acquireLock(nodeVfs, store).release();
  expect(fs.readdirSync(folder)).toEqual([]);
});

it("processes killed at random moments of taking and releasing never leave it locked", async () => {
  for (let round = 0; round < 3; round++) {
    const busy = await startChildren(4);
    for (const child of busy) {
      child.send(Array.from({ length: 200 }, () => `take ${store} 20\nrelease`).join("\n"));
    }
    // Different moments, decided by how far the first one got.
    for (let line = 0; line < 10 + 17 * round; line++) await busy[0]!.line();
    await Promise.all(busy.map((child) => child.kill()));
    acquireLock(nodeVfs, store, { timeoutMs: 10_000 }).release();
    expect(fs.readdirSync(folder).filter((name) => !name.endsWith(".newcomer"))).toEqual([]);
  }
});

it("waits as long as it is told to", async () => {
  const [holder, waiter] = await startChildren(2);
  expect(await holder!.ask(`take ${store} 0`)).toBe("got");
  waiter!.send(`take ${store} 60000`);
  expect(await holder!.ask("release")).toBe("released");
  expect(await waiter!.line()).toBe("got");
  expect(await holder!.ask(`take ${store} 30`)).toContain("ERR_ESPALIER_LOCKED");
});

it("a link to the store is the same lock", async () => {
  const [holder] = await startChildren(1);
  fs.symlinkSync("db", join(folder, "by-link"));
  expect(await holder!.ask(`take ${join(folder, "by-link")} 0`)).toBe("got");
  expect(() => acquireLock(nodeVfs, store)).toThrow(`locked by process ${holder!.process.pid}`);
});

it("another thread is told where this process has it, and its death frees what it had", async () => {
  const code = `
    const { parentPort, workerData } = require("node:worker_threads");
    (async () => {
      const { acquireLock } = await import(workerData.folder + "/src/vfs/lock.js");
      const { nodeVfs } = await import(workerData.folder + "/src/vfs/node-vfs.js");
      for (const path of workerData.stores) {
        try { acquireLock(nodeVfs, path); parentPort.postMessage("got"); }
        catch (error) { parentPort.postMessage(error.message); }
      }
      setInterval(() => {}, 1000);
    })();`;
  const lock = acquireLock(nodeVfs, store);
  const other = join(folder, "other");
  const workerData = { folder: compiled(), stores: [store, other] };
  const worker = new Worker(code, { eval: true, workerData });
  const messages: string[] = [];
  await new Promise<void>((resolve) => {
    worker.on("message", (message: string) => {
      if (messages.push(message) === 2) resolve();
    });
  });
  expect(messages[0]).toMatch(/open in this process already, in thread 0, opened at .*lock-processes\.test/);
  expect(messages[1]).toBe("got");
  expect(() => acquireLock(nodeVfs, other)).toThrow(`in this process already, in thread ${worker.threadId}`);
  await worker.terminate();
  acquireLock(nodeVfs, other, { timeoutMs: 10_000 }).release();
  lock.release();
});
