/** 100 times `kill -9`: nothing that a process has acknowledged is lost with it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Prng } from "../../src/vfs/prng.js";
import { killRound } from "./kill-rounds.js";
import { KILL_MODES } from "./kill-writer.js";

const KILLS_A_MODE = 20;
const seed = Number(process.env["ESPALIER_SEED"] ?? Date.now() % 1_000_000);

describe.each(KILL_MODES)("kill -9 while committing: %s", (mode) => {
  it(`loses nothing in ${KILLS_A_MODE} kills (replay: ESPALIER_SEED=${seed} npx vitest run test/crash/kill.test.ts)`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-kill-"));
    const random = new Prng(seed);
    try {
      let next = 1;
      for (let kill = 0; kill < KILLS_A_MODE; kill++) {
        const round = await killRound(join(folder, "s.esp"), mode, next, random);
        expect(round.problems).toEqual([]);
        next = round.found + 1;
      }
      expect(next).toBeGreaterThan(KILLS_A_MODE);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
