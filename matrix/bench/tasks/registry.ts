/** The tasks by the names that cells use. */

import { awaited } from "./awaited.js";
import { cold } from "./cold.js";
import { commits } from "./commits.js";
import { gets } from "./gets.js";
import { loads } from "./loads.js";
import { memory } from "./memory.js";
import { mixed } from "./mixed.js";
import { openings } from "./openings.js";
import { scans } from "./scans.js";
import { start } from "./start.js";
import type { Task } from "./task.js";
import { writes } from "./writes.js";

const BY_NAME: Readonly<Record<string, Task>> = {
  awaited,
  cold,
  commits,
  gets,
  loads,
  memory,
  mixed,
  openings,
  scans,
  start,
  writes,
};

/** Throws RangeError for a name that is none. */
export function taskByName(name: string): Task {
  const task = BY_NAME[name];
  if (task === undefined) throw new RangeError(`no task is called ${name}`);
  return task;
}
