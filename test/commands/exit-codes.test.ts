/** Every error has its exit code: what a script sees of what went wrong. */

import { describe, expect, it } from "vitest";
import { CorruptionError, LockedError, NotFoundError } from "../../src/base/errors.js";
import {
  DamagedInputError,
  exitCodeOf,
  InterruptedError,
  UsageError,
} from "../../src/commands/support/exit-codes.js";
import { CopyMismatchError, PackageMissingError } from "../../src/level/index.js";

describe("the exit code", () => {
  it.each<[number, Error]>([
    [2, new UsageError("no such option")],
    [2, new RangeError("not a whole number")],
    [2, new PackageMissingError("classic-level")],
    [3, new NotFoundError("data.esp")],
    [3, new Error("of the file system")],
    [4, new CorruptionError("L1", "out of order", { path: "data.esp", page: 7, offset: 0 })],
    [4, new CopyMismatchError("copy.esp", "aa", "bb")],
    [4, new DamagedInputError("line 7 of the dump")],
    [5, new LockedError("data.esp", "process 1 has it")],
    [130, new InterruptedError()],
    [130, Object.assign(new Error("stopped"), { name: "AbortError" })],
  ])("%i is of %o", (code, error) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});
