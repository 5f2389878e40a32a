/**
 * 100 times `kill -9`: nothing that a process has acknowledged is lost with it. test/crash/kill.mjs does it
 * more often, and on a file system that fills up.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Prng } from "../../src/vfs/prng.js";
import { killRound } from "./kill-rounds.js";
import { KILL_MODES, type KillMode } from "./kill-writer.js";

const { env } = process;
const KILLS_IN_ALL = Number(env["ESPALIER_KILLS"] ?? 100);
const MODES = (env["ESPALIER_KILL_MODES"]?.split(",") ?? KILL_MODES) as readonly KillMode[];
const KILLS_A_MODE = Math.ceil(KILLS_IN_ALL / MODES.length);
/** Where the stores are; a small file system, perhaps. */
const PLACE = env["ESPALIER_KILL_FOLDER"] ?? tmpdir();
const TIME_LIMIT_MS = 120_000 + KILLS_A_MODE * 3000;
const seed = Number(env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);

describe.each(MODES)("kill -9 while committing: %s", (mode) => {
  it(
    `loses nothing in ${KILLS_A_MODE} kills (replay: ESPALIER_SEED=${seed} npx vitest run test/crash/kill.test.ts)`,
    async () => {
      const folder = mkdtempSync(join(PLACE, "espalier-kill-"));
      const random = new Prng(seed);
      try {
        let next = 1;
        let oldest = 1;
        for (let kill = 0; kill < KILLS_A_MODE; kill++) {
          const round = await killRound(join(folder, "s.esp"), mode, next, random);
          expect(round.problems).toEqual([]);
          next = round.found + 1;
          oldest = round.oldest;
        }
        if (mode === "full") expect(oldest, "the disk never was full: more kills").toBeGreaterThan(1);
        expect(next).toBeGreaterThan(KILLS_A_MODE);
        console.log(`${mode}: ${KILLS_A_MODE} kills, ${next - 1} commits, seed ${seed}`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    TIME_LIMIT_MS,
  );
});
