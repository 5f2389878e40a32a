/**
 * `kill -9` more often than the normal suite does it, then on a small file system that fills up:
 *
 *   node test/crash/kill.mjs [--rounds 1000] [--full-rounds 100] [--seed N] [--folder PLACE]
 *
 * The small file system is a tmpfs of a few MiB, which only root may mount; where that does not work the
 * script says so, and the rest counts.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const FULL_BYTES = 4 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1000" },
    "full-rounds": { type: "string", default: "100" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    folder: { type: "string", default: tmpdir() },
  },
});

function kills(more) {
  const env = { ...process.env, ESPALIER_SEED: values.seed, ...more };
  const words = ["vitest", "run", "test/crash/kill.test.ts", "--reporter=verbose"];
  return spawnSync("npx", words, { env, stdio: "inherit" }).status === 0;
}

/** Runs `work` on a small file system; undefined where none can be made. */
function onSmallDisk(work) {
  const place = mkdtempSync(join(tmpdir(), "espalier-small-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${FULL_BYTES}`, "tmpfs", place], {
    encoding: "utf8",
  });
  try {
    if (mounted.status === 0) return work(place);
    const reason = mounted.error?.message ?? mounted.stderr.trim();
    console.log(`no small file system can be mounted here (${reason}): that part is left out`);
    return undefined;
  } finally {
    if (mounted.status === 0) spawnSync("umount", [place]);
    rmdirSync(place);
  }
}

let right = true;
if (Number(values.rounds) > 0)
  right = kills({ ESPALIER_KILLS: values.rounds, ESPALIER_KILL_FOLDER: values.folder });
if (Number(values["full-rounds"]) > 0) {
  const full = onSmallDisk((place) =>
    kills({
      ESPALIER_KILLS: values["full-rounds"],
      ESPALIER_KILL_MODES: "full",
      ESPALIER_KILL_FOLDER: place,
    }),
  );
  right &&= full !== false;
}
process.exitCode = right ? 0 : 1;
