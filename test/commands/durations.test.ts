/** Lengths of time as options say them: the same in all groups of commands. */

import { expect, it } from "vitest";
import { parseDuration } from "../../src/commands/support/durations.js";

it.each([
  ["250ms", 250],
  ["90s", 90_000],
  ["90", 90_000],
  ["1.5m", 90_000],
  ["2h", 7_200_000],
  ["0.0004s", 0],
])("%s is %i ms", (text, ms) => {
  expect(parseDuration("budget", text)).toBe(ms);
});

it.each(["", "soon", "10 minutes", "-5s", "1d", "s", "1e3"])("%j is refused, with what to write", (text) => {
  expect(() => parseDuration("budget", text)).toThrow(
    expect.objectContaining({ name: "UsageError", message: `--budget ${text}: write 90s, 30m or 2h` }),
  );
});
