/** Programs that Node, or they themselves, keep from much that others may do: what works there, and what is said. */

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { open } from "../../src/index.js";
import { callerOutsideThePackage } from "../../src/vfs/opened-at.js";
import { compiled } from "../support/compiled.js";

let folder: string;
let store: string;
beforeEach(() => {
  folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "espalier-restricted-")));
  store = join(folder, "db");
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const MODULES: string = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** What a program prints that is run with these options of Node; `store` is its store, `src` the sources. */
function run(options: readonly string[], program: string): string {
  const file = join(folder, "program.mjs");
  fs.writeFileSync(
    file,
    `const [store, src] = process.argv.slice(2);
    const { open } = await import(src + "/index.js");
    ${program}`,
  );
  const args = ["--no-warnings", ...options, file, store, join(compiled(), "src")];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return stdout + stderr;
}

describe("under Node's permission model", () => {
  const flag = process.allowedNodeEnvironmentFlags.has("--permission")
    ? "--permission"
    : "--experimental-permission";
  /** It may read the sources, what they import, and the store's folder; of /proc nothing. */
  function options(): string[] {
    // The compiled sources lie in there. Node 20 ends when it is told of a folder twice.
    const read = new Set([MODULES, fs.realpathSync(MODULES), folder]);
    return [flag, ...Array.from(read, (path) => `--allow-fs-read=${path}`)];
  }

  it("a store that may only be read is read, and its lock is not asked for", () => {
    const made = open<string, number>(store);
    made.put("key", 7);
    made.close();
    const program = `const s = open(store, { readOnly: true }); console.log(s.get("key")); s.close();`;
    expect(run(options(), program)).toBe("7\n");
  });

  it("what it denies is said to be denied by it", () => {
    open(store).close();
    const program = `try { open(store); } catch (error) { console.log(error.code, error.message); }`;
    const said = run(options(), program);
    expect(said).toMatch(
      /^ERR_ESPALIER_IO create .*-lock failed: ERR_ACCESS_DENIED \(Node's permission model/,
    );
  });

  it("who may not read /proc does not take a process for dead that may run in another pid namespace", () => {
    const program = `
      const { livenessOf, ownIdentity } = await import(src + "/vfs/process-identity.js");
      const own = ownIdentity();
      console.log(own.pidNamespace === "", livenessOf({ ...own, pid: 2 ** 22 + 1 }));`;
    expect(run(options(), program)).toBe("true unknown\n");
  });
});

/** A pid namespace of its own, in which /proc goes on showing that of the machine. */
const UNSHARE = ["--user", "--map-root-user", "--pid", "--fork"];
const canUnshare = spawnSync("unshare", [...UNSHARE, "true"]).status === 0;

describe.skipIf(!canUnshare)("in a pid namespace without a /proc of its own", () => {
  it("a holder that lives is not taken for dead by what /proc has under its number", () => {
    const file = join(folder, "program.mjs");
    fs.writeFileSync(
      file,
      `import { spawnSync } from "node:child_process";
      const [store, src, second] = process.argv.slice(2);
      const { open } = await import(src + "/index.js");
      try {
        const s = open(store);
        if (second === undefined)
          process.stdout.write(spawnSync(process.execPath, [...process.argv.slice(1, 4), "second"]).stdout);
        else console.log("opened, too");
        s.close();
      } catch (error) {
        console.log(error.code, error.holder.pid);
      }`,
    );
    const args = [...UNSHARE, process.execPath, file, store, join(compiled(), "src")];
    expect(spawnSync("unshare", args, { encoding: "utf8" }).stdout).toBe("ERR_ESPALIER_LOCKED 1\n");
  });
});

/** A time namespace of its own, whose clock is a day ahead. */
const OTHER_CLOCK = ["--user", "--map-root-user", "--time", "--boottime", "86400"];
const hasOtherClock = spawnSync("unshare", [...OTHER_CLOCK, "true"]).status === 0;

describe.skipIf(!hasOtherClock)("in a time namespace of its own", () => {
  it("a holder that lives is not taken for dead by when it started", () => {
    const file = join(folder, "program.mjs");
    fs.writeFileSync(
      file,
      `const [store, src] = process.argv.slice(2);
      const { open } = await import(src + "/index.js");
      try {
        open(store).close();
        console.log("opened, too");
      } catch (error) {
        console.log(error.code, error.holder.pid);
      }`,
    );
    const args = [...OTHER_CLOCK, process.execPath, file, store, join(compiled(), "src")];
    using held = open(store);
    expect(spawnSync("unshare", args, { encoding: "utf8" }).stdout).toBe(
      `ERR_ESPALIER_LOCKED ${process.pid}\n`,
    );
    held.put("a", 1);
  });
});

describe("with an Error of its own", () => {
  const { prepareStackTrace } = Error;
  afterEach(() => {
    Error.prepareStackTrace = prepareStackTrace;
  });

  it("stacks that are no text, or cannot be made, keep no store from being opened", () => {
    Error.prepareStackTrace = (_error, frames) => frames;
    open(store).close();
    Error.prepareStackTrace = () => {
      throw new TypeError("no stacks here");
    };
    open(store).close();
    const where = callerOutsideThePackage();
    Error.prepareStackTrace = prepareStackTrace;
    expect(where).toBe("unknown");
  });

  it("intrinsics that are frozen keep no store from being used", () => {
    const program = `
      const s = open(store);
      s.put("key", 7);
      console.log(Object.isFrozen(Error), s.get("key"));
      s.close();`;
    expect(run(["--frozen-intrinsics"], program)).toBe("true 7\n");
  });
});

describe("in a bundle that is CommonJS", () => {
  /** As bundlers make it: `import.meta` is an empty object. */
  function bundled(): string {
    const target = join(folder, "bundle");
    fs.cpSync(join(compiled(), "src"), join(target, "src"), { recursive: true });
    fs.symlinkSync(MODULES, join(target, "node_modules"));
    fs.writeFileSync(join(target, "package.json"), '{ "type": "module" }');
    for (const name of fs.readdirSync(target, { recursive: true, encoding: "utf8" })) {
      if (!name.startsWith("src") || !name.endsWith(".js")) continue;
      const file = join(target, name);
      fs.writeFileSync(file, fs.readFileSync(file, "utf8").replaceAll("import.meta", "({})"));
    }
    return join(target, "src");
  }

  it("the store loads, and says of a second opener where in the program the first one was", () => {
    const program = join(folder, "program.mjs");
    fs.writeFileSync(
      program,
      `import { open } from ${JSON.stringify(join(bundled(), "index.js"))};
      const first = open(process.argv[2]);
      try { open(process.argv[2]); } catch (error) { console.log(error.code, error.holder.openedAt); }
      first.close();`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, [program, store], { encoding: "utf8" });
    expect(stdout + stderr).toBe(`ERR_ESPALIER_LOCKED ${program}:2:21\n`);
  });
});
