import { EspalierError } from "./errors.js";

/**
 * Lets go of what a failure leaves, each step whatever became of those before. What the disk refuses there is not told:
 * the first failure is what the caller is to hear of.
 */
export function afterFailure(...steps: readonly (() => void)[]): void {
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      if (!(error instanceof EspalierError)) throw error;
    }
  }
}
