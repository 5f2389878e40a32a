/** A store's own verification, in steps: it reads the whole file, and whoever waits for it may want to stop, or to go slowly. */

import type { Catalog } from "../src/store/catalog.js";
import type { Engine } from "../src/store/engine.js";
import { type VerifyReport, verifySteps } from "../src/store/verify.js";
import type { MigrationPhase, WorkStep } from "./control.js";

/** As store.verify(); nobody else has the store. */
export function* verifying(
  engine: Engine,
  catalog: Catalog,
  phase: MigrationPhase,
): Generator<WorkStep, VerifyReport> {
  const { pageCount, pageSize } = engine.pager;
  const bytesTotal = pageCount * pageSize;
  const steps = verifySteps(engine, catalog);
  for (let done = 0; ; ) {
    const next = steps.next();
    if (next.done === true) return next.value;
    // A damaged file may lead to the same pages again and again.
    const bytesDone = Math.min(next.value * pageSize, bytesTotal);
    yield { phase, bytesDone, bytesTotal, recordsDone: 0, bytesMoved: bytesDone - done };
    done = bytesDone;
  }
}
