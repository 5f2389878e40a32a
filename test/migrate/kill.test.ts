/**
 * Real processes, killed with SIGKILL at random moments of a conversion and a rollback, until each is done.
 * ESPALIER_KILL_ROUNDS and ESPALIER_KILL_MIB make it larger (50 and 50 before a release).
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectFile } from "../../migrate/file-state.js";
import { rollbackMigration, runMigration } from "../../migrate/index.js";
import { nodeVfs } from "../../src/vfs/node-vfs.js";
import { writeFully } from "../../src/vfs/whole-io.js";
import { buildMigrator } from "./built.js";
import { seededRandom, survey } from "./legacy/support.js";
import { scatteredFile, variedRecords } from "./scattered.js";

const SEED: number = Number(process.env["ESPALIER_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS: number = Number(process.env["ESPALIER_KILL_ROUNDS"] ?? 3);
const MIB: number = Number(process.env["ESPALIER_KILL_MIB"] ?? 4);

/** In one conversion or rollback; by then it was left alone for a thousand times as long as at first. */
const KILLS_MAX = 60;

let folder: string;
let entry: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "espalier-kill-"));
  buildMigrator(folder);
  entry = join(folder, "kill-entry.js");
  const library = pathToFileURL(join(folder, "migrate/index.js")).href;
  writeFileSync(
    entry,
    `import { rollbackMigration, runMigration } from ${JSON.stringify(library)};
const [action, file] = process.argv.slice(2);
const work = action === "run" ? runMigration : rollbackMigration;
const report = await work([file], { onEvent: (event) => process.stdout.write(event.event + "\\n") });
process.exitCode = report.files[0].reason === null ? 0 : 1;
`,
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the work and kills it after `ms`; returns whether it had ended by itself. */
function killAfter(action: string, file: string, ms: number): Promise<boolean> {
  const child = spawn(process.execPath, [entry, action, file], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), ms));
    child.stdout.resume();
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (signal === null && code !== 0) reject(new Error(`${action} ended with ${code}`));
      else resolve(signal === null);
    });
  });
}

test(`killed and going on (ESPALIER_SEED=${SEED})`, async () => {
  const random = seededRandom(SEED);
  const made = scatteredFile({
    generation: "gen2",
    pageSize: 4096,
    records: variedRecords(MIB * 9000, 180, SEED),
    seed: SEED,
    freePages: 20,
  });
  const path = join(folder, "file.db");
  const file = nodeVfs.open(path, "create");
  const source = made.vfs.open("/file.db", "read");
  const bytes = new Uint8Array(source.size());
  source.read(bytes, 0, bytes.length, 0);
  writeFully(file, bytes, 0, bytes.length, 0);
  file.close();
  let killed = 0;
  let rounds = 0;
  // How long after its first event a process is left alone, at most: shorter where it was done before.
  const spans = { run: 300 + MIB * 60, rollback: 300 + MIB * 60 };
  const killUntilDone = async (action: keyof typeof spans): Promise<void> => {
    for (let kills = 0; !(await killAfter(action, path, random() * spans[action])); kills++) {
      killed++;
      spans[action] *= 1.15;
      expect(kills, `${action} gets no further from one kill to the next`).toBeLessThan(KILLS_MAX);
    }
    spans[action] *= 0.7;
  };
  for (; rounds < ROUNDS || killed < 2 * ROUNDS; rounds++) {
    await killUntilDone("run");
    const run = await runMigration([path]);
    expect(run.files[0]!.reason).toBe(null);
    expect(inspectFile(nodeVfs, path).kind).toBe("store");
    await killUntilDone("rollback");
    const back = await rollbackMigration([path]);
    expect(back.files[0]!.reason).toBe(null);
    const found = survey(nodeVfs, path);
    expect(found.problems).toEqual([]);
    expect(found.trees[0]).toMatchObject({ root: made.root, content: { digest: made.digest } });
  }
  console.log(`${killed} kills in ${rounds} rounds of ${MIB} MiB`);
}, 1_800_000);
