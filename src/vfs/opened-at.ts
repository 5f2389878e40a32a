/** Where a call into this package came from: the first line of the stack that is not the package's own. */

import { fileURLToPath } from "node:url";

/**
 * The folder of the store's code. In a bundle it is that of the bundle, or, where that is CommonJS, nothing is known;
 * the last resort below applies.
 */
const OWN_CODE: string | undefined = folderOfCode(import.meta.url);
/** The caller is mostly among the first frames, and each frame costs. */
const FRAMES_TRIED: readonly number[] = [12, 50];

/** A bundler that makes CommonJS leaves no `import.meta.url`, and a loader may have one that is no file's. */
function folderOfCode(url: string | undefined): string | undefined {
  return url?.startsWith("file:") === true ? fileURLToPath(new URL("..", url)) : undefined;
}

/** Who is known to have asked for what is being called. */
let known: string | undefined;

/**
 * Runs `action` for who has asked for it, as callerOutsideThePackage told then: the stack of an opening that another
 * package makes later knows nothing of him. Synchronous.
 */
export function calledBy<T>(caller: string, action: () => T): T {
  const before = known;
  known = caller;
  try {
    return action();
  } finally {
    known = before;
  }
}

/** A short line such as "open (/app/main.js:12:8)"; "unknown" where the stack tells nothing. */
export function callerOutsideThePackage(): string {
  if (known !== undefined) return known;
  let frames: string[] = [];
  let outside: string | undefined;
  for (const count of FRAMES_TRIED) {
    const stack = ownStack(count);
    frames = stack.filter((frame) => !frame.includes("node:internal"));
    if (OWN_CODE !== undefined) outside = frames.find((frame) => !frame.includes(OWN_CODE));
    if (outside !== undefined || stack.length < count) break;
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
