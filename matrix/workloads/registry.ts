/** The workloads by name. */

import type { WorkloadName } from "../results/document.js";
import { levelGets } from "./level-gets.js";
import { mixed, mixedReadThrough } from "./mixed.js";
import { recover, reopen } from "./opening.js";
import { putMany64, putMany1000 } from "./put-many.js";
import { reads } from "./reads.js";
import { levelAll, scan } from "./scan.js";
import type { Workload } from "./workload.js";
import { deleteChurn, inserts, overwriteGrow, overwriteSame } from "./writes.js";

const BY_NAME: Record<WorkloadName, Workload> = {
  reads,
  mixed,
  "mixed-read-through": mixedReadThrough,
  inserts,
  "put_many-64": putMany64,
  "put_many-1000": putMany1000,
  "overwrite-same": overwriteSame,
  "overwrite-grow": overwriteGrow,
  "delete-churn": deleteChurn,
  scan,
  reopen,
  recover,
  "level-gets": levelGets,
  "level-all": levelAll,
};

export function workloadByName(name: WorkloadName): Workload {
  return BY_NAME[name];
}
