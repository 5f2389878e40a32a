/**
 * Entry of a benchmark's child process: makes the task ready that it is told of, runs its rounds when it is
 * told to, proves the content at the end. One engine to a process.
 */

import { engineById } from "../engines/registry.js";
import { Bed } from "./bed.js";
import type { ChildAnswer, ChildRequest } from "./child.js";
import { type BedSpec, bedName } from "./plan.js";
import { taskByName } from "./tasks/registry.js";
import type { Runner } from "./tasks/task.js";

// Ctrl-C reaches the whole process group; the parent decides what becomes of its children.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));

let bed: Bed | null = null;
let runner: Runner | null = null;

process.on("message", (request: ChildRequest) => {
  answer(request).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ status: "failed", reason } satisfies ChildAnswer);
    },
  );
});

async function answer(request: ChildRequest): Promise<ChildAnswer> {
  switch (request.kind) {
    case "make": {
      const { engine, spec, folder, task, mode, options, warm } = request;
      bed = bedOf(engine, spec, folder);
      runner = await taskByName(task)({ bed, mode, options, warm });
      return { status: "ready" };
    }
    case "round":
      return { status: "measured", figures: await running().round(request.round) };
    case "finish": {
      const hash = await running().finish();
      runner = null;
      bed?.discardAll();
      return { status: "finished", hash };
    }
  }
}

function running(): Runner {
  if (runner === null) throw new Error("there is no task to run");
  return runner;
}

/** The bed of the task before, where it is the same: its keys take seconds to make. */
function bedOf(engine: string, spec: BedSpec, folder: string): Bed {
  if (bed !== null && bedName(bed.spec) === bedName(spec)) return bed;
  return new Bed(engineById(engine), spec, folder);
}
