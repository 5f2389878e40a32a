/** What a misused call ends with, as the code of its error. */

import { EspalierError } from "../../src/index.js";

/** What an action ends with: the code of an error of espalier's own, or "no error". Throws any other. */
export function codeOf(action: () => unknown): string {
  try {
    action();
    return "no error";
  } catch (error) {
    if (error instanceof EspalierError) return error.code;
    throw error;
  }
}

export async function codeOfPromise(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    if (error instanceof EspalierError) return error.code;
    throw error;
  }
}
