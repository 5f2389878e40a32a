/** The tasks by the names that cells use. */

import { gets } from "./gets.js";
import { scans } from "./scans.js";
import type { Task } from "./task.js";
import { writes } from "./writes.js";

const BY_NAME: Readonly<Record<string, Task>> = { gets, scans, writes };

/** Throws RangeError for a name that is none. */
export function taskByName(name: string): Task {
  const task = BY_NAME[name];
  if (task === undefined) throw new RangeError(`no task is called ${name}`);
  return task;
}
