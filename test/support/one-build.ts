/** Before and after a run of the tests: one folder for the compiled sources that its files share. */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { TestProject } from "vitest/node";
import { BUILD_VARIABLE, buildFolder } from "./compiled.js";

/** Watched tests run anew when sources have changed: what was compiled of the old ones goes, as at the end. */
export function setup(project: Pick<TestProject, "onTestsRerun">): void {
  const folder = buildFolder(process.pid);
  process.env[BUILD_VARIABLE] = folder;
  removeLeftovers(dirname(folder), basename(buildFolder("")));
  // A run that was killed may have had this one's number.
  teardown();
  project.onTestsRerun(teardown);
}

export function teardown(): void {
  rmSync(buildFolder(process.pid), { recursive: true, force: true });
}

/** What runs that were killed have left. */
function removeLeftovers(place: string, prefix: string): void {
  if (!existsSync(place)) return;
  for (const name of readdirSync(place)) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (pid > 0 && !isRunning(pid)) rmSync(join(place, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
