/** Lengths of time as options of the command line say them. */

import { UsageError } from "./exit-codes.js";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** "90s", "1.5m", "2h", "250ms", or a bare number of seconds; in milliseconds. Throws UsageError for anything else. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  if (match === null) throw new UsageError(`--${option} ${text}: write 90s, 30m or 2h`);
  return Math.round(Number(match[1]) * UNITS_MS[match[2] ?? "s"]!);
}
