/** Where a call into this package came from: the first line of the stack that is not the package's own. */

import { fileURLToPath } from "node:url";

/** The folder of the store's code; in a bundle it is that of the bundle, and the last resort below applies. */
const OWN_CODE: string = fileURLToPath(new URL("..", import.meta.url));
/** The caller is mostly among the first frames, and each frame costs. */
const FRAMES_TRIED: readonly number[] = [12, 50];

/** A short line such as "open (/app/main.js:12:8)"; "unknown" where the stack tells nothing. */
export function callerOutsideThePackage(): string {
  let frames: string[] = [];
  let outside: string | undefined;
  for (const count of FRAMES_TRIED) {
    frames = ownStack(count);
    outside = frames.find((frame) => !frame.includes(OWN_CODE) && !frame.includes("node:internal"));
    if (outside !== undefined || frames.length < count) break;
  }
  return (outside ?? frames.at(-1) ?? "unknown").trim().replace(/^at /, "").replace("file://", "");
}

/** Empty where the program has frozen Error, or has its own way of making stacks: nothing depends on them here. */
function ownStack(count: number): string[] {
  try {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = count;
    try {
      const { stack } = new Error("where");
      return typeof stack === "string" ? stack.split("\n").slice(1) : [];
    } finally {
      Error.stackTraceLimit = limit;
    }
  } catch {
    return [];
  }
}
