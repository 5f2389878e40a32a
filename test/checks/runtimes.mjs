/**
 * The packed package on every Node major from 20 on that the registry offers, and in Bun and Deno where
 * they install: `npm run runtimes`. Prints a line a runtime; exit code 1 when a Node fails that
 * package.json admits. A runtime that the registry does not give right now is said to be missing, and fails
 * nothing: it says nothing about the package.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE_MAJOR_MIN = 20;
const NODE_MAJORS_WITHOUT_CRC32 = [21];
const folder = mkdtempSync(join(tmpdir(), "espalier-runtimes-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

const INSTALL_MS_MAX = 180_000;
const SCRIPT_MS_MAX = 180_000;

const npm = (cwd, ...words) =>
  execFileSync("npm", words, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_MS_MAX,
  });

const SCRIPT = `
import { open } from "espalier";
import { METRICS } from "espalier/metrics";
const path = "data-" + process.pid + ".esp";
let store = open(path, { durability: "group" });
store.putMany(Array.from({ length: 5000 }, (_, i) => ["k" + String(i).padStart(5, "0"), { i, text: "x".repeat(i % 200) }]));
store.put("long", "y".repeat(100000));
try { store.transaction(() => { store.put("gone", 1); throw new Error("undone"); }); } catch {}
await store.write([{ type: "put", key: "grouped", value: 1 }]);
const snapshot = store.snapshot();
store.deleteRange({ gte: "k01000", lt: "k04000" });
if ([...snapshot.range({ gte: "k", lt: "l" })].length !== 5000) throw new Error("snapshot");
snapshot.close?.();
store.close();
store = open(path);
const report = store.verify();
if (!report.ok || report.records !== 2002 || store.get("gone") !== undefined) throw new Error(JSON.stringify(report));
if (store.get("long").length !== 100000 || METRICS.length === 0) throw new Error("content");
store.close();
console.log("fine");
`;

npm(ROOT, "pack", "--silent", "--pack-destination", folder);
const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
npm(folder, "install", "--no-audit", "--no-fund", "--prefer-offline", `./${tarball}`);
writeFileSync(join(folder, "script.mjs"), SCRIPT);

/** Installs a runtime from the registry into a folder of its own; undefined where that fails. */
function installed(name, spec) {
  const home = join(folder, `runtime-${name}`);
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), '{ "private": true }');
  try {
    npm(home, "install", "--no-audit", "--no-fund", spec);
    const bin = join(home, "node_modules", ".bin", name.replace(/\d+$/, ""));
    return execFileSync(bin, ["--version"], { encoding: "utf8" }).trim().split("\n")[0] && bin;
  } catch {
    return undefined;
  }
}

function check(name, spec, words) {
  const bin = installed(name, spec);
  if (bin === undefined) return { name, state: "does not install here" };
  const version = execFileSync(bin, ["--version"], { encoding: "utf8" }).trim().split("\n")[0];
  const { stdout, stderr } = spawnSync(bin, words, { cwd: folder, encoding: "utf8", timeout: SCRIPT_MS_MAX });
  const fine = stdout.trim() === "fine";
  return {
    name,
    state: fine ? `${version} works` : `${version} FAILS: ${stderr.trim().split("\n").slice(-6).join(" ")}`,
    fine,
  };
}

/** Majors from the first that is admitted on; none where the registry does not answer. */
function nodeMajors() {
  try {
    const versions = JSON.parse(npm(ROOT, "view", "node", "versions", "--json"));
    const released = versions.filter((each) => !each.includes("-")).map((each) => Number(each.split(".")[0]));
    return [...new Set(released)].filter((each) => each >= NODE_MAJOR_MIN).sort((a, b) => a - b);
  } catch (error) {
    console.log(`node: the registry does not list its versions: ${error.message.split("\n")[0]}`);
    return [];
  }
}

let failed = false;
for (const major of nodeMajors()) {
  if (NODE_MAJORS_WITHOUT_CRC32.includes(major)) {
    console.log(`node${major}: left out by package.json's engines: it has no zlib.crc32`);
    continue;
  }
  const { name, state, fine } = check(`node${major}`, `node@${major}`, ["script.mjs"]);
  if (fine === false) failed = true;
  console.log(`${name}: ${state}`);
}
for (const [name, words] of [
  ["bun", ["script.mjs"]],
  ["deno", ["run", "--allow-all", "script.mjs"]],
]) {
  console.log(`${name}: ${check(name, name, words).state}`);
}
process.exitCode = failed ? 1 : 0;
