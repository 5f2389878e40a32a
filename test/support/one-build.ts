/** Before and after a run of the tests: one folder for the compiled sources that its files share. */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BUILD_VARIABLE, buildFolder } from "./compiled.js";

export function setup(): void {
  const folder = buildFolder(process.pid);
  process.env[BUILD_VARIABLE] = folder;
  removeLeftovers(dirname(folder), basename(buildFolder("")));
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
