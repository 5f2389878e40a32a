/** Ctrl-C for commands that can stop at a safe place, and for those that go on until it comes. */

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

/**
 * Settles with the first SIGINT or SIGTERM: for commands that serve until they are told to end. That is how they end
 * well, with exit code 0, and no interruption. A second one ends the process at once. To be called before they say that
 * they serve: who reads that may tell them to end in the same moment.
 */
export function toldToEnd(): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = (): void => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
