/** Ctrl-C for commands that can stop at a safe place. */

import { InterruptedError } from "./exit-codes.js";

/**
 * Runs `work` with a signal that SIGINT or SIGTERM aborts. A second one ends the process at once. Throws
 * what `work` throws, InterruptedError where it was interrupted.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (): void => controller.abort(new InterruptedError());
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
