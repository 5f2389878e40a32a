/**
 * One-record commits beside the machine's own limit: in the modes `fdatasync` and `dsync` a block of a
 * preallocated file is overwritten and synced as often, in any other mode the engine commits.
 */

import { overwriteLoop } from "../../runner/limits.js";
import { numberOption, type Runner, type TaskContext } from "./task.js";
import { writes } from "./writes.js";

export async function commits(context: TaskContext): Promise<Runner> {
  const { bed, mode, options } = context;
  if (mode !== "fdatasync" && mode !== "dsync") return writes(context);
  const operations = numberOption(options, "operations");
  const folder = bed.emptyFolder();
  return {
    async round() {
      const { value, samplesUs } = overwriteLoop(folder, operations, mode === "dsync");
      return value === null
        ? { values: {} }
        : { values: { steady: value }, samplesUs: { steady: [...samplesUs] } };
    },
    finish: async () => null,
  };
}
