/**
 * Entry of a round's child process: reads the request named by its argument, measures, writes the result
 * beside it. Exit code 0: measured; 2: the content was wrong; anything else: it crashed. The reason goes to
 * standard error.
 */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { measureRound, WrongContentError } from "./measure.js";
import type { RoundRequest } from "./round.js";

// Ctrl-C reaches the whole process group; the runner decides what becomes of its child.
process.on("SIGINT", () => {});
// A runner that was killed can't stop its child, which would go on beside the run that is resumed.
process.on("disconnect", () => process.exit(1));
// Listening must not keep a child alive that waits for a promise which nothing will settle.
process.channel?.unref();

const requestFile = process.argv[2];
if (requestFile === undefined) throw new Error("usage: child-main REQUEST.json");
const request = JSON.parse(readFileSync(requestFile, "utf8")) as RoundRequest;
try {
  const result = await measureRound(request);
  writeFileSync(`${request.resultFile}.part`, JSON.stringify(result));
  renameSync(`${request.resultFile}.part`, request.resultFile);
  process.exit(0);
} catch (error) {
  const wrong = error instanceof WrongContentError;
  process.stderr.write(`${wrong ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(wrong ? 2 : 1);
}
