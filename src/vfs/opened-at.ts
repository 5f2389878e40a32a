/** Where a call into this package came from: the first line of the stack that is not the package's own. */

import { fileURLToPath } from "node:url";

/** The folder of the store's code; in a bundle it is that of the bundle, and the last resort below applies. */
const OWN_CODE: string = fileURLToPath(new URL("..", import.meta.url));
const FRAMES_MAX = 50;

/** A short line such as "open (/app/main.js:12:8)"; "unknown" where the stack tells nothing. */
export function callerOutsideThePackage(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES_MAX;
  const stack = new Error("where").stack ?? "";
  Error.stackTraceLimit = limit;
  const frames = stack.split("\n").slice(1);
  const outside = frames.find((frame) => !frame.includes(OWN_CODE) && !frame.includes("node:internal"));
  return (outside ?? frames.at(-1) ?? "unknown").trim().replace(/^at /, "").replace("file://", "");
}
