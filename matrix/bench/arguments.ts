/** What the benchmark is asked for on its command line. */

import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { engineById } from "../engines/registry.js";
import { assertTakesFigures } from "./marked-document.js";

const DEFAULT_MINUTES = 15;

export interface BenchArguments {
  /** Names of sections, and beginnings of the names of cells; all where there is none. */
  readonly filters: readonly string[];
  readonly records: readonly number[];
  readonly rounds: number;
  readonly engines: readonly string[] | undefined;
  readonly large: boolean;
  readonly minutes: number | undefined;
  readonly json: string | undefined;
  readonly markdown: string | undefined;
  readonly dir: string;
  readonly list: boolean;
}

/**
 * Reads the arguments and looks at the files that the results are to go to, so that nothing is found wrong when the
 * run has ended. Throws RangeError for what makes no sense, and the file system's errors.
 */
export function readArguments(args: readonly string[]): BenchArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      records: { type: "string", default: "10000,1000000" },
      rounds: { type: "string", default: "3" },
      engines: { type: "string" },
      large: { type: "boolean", default: false },
      minutes: { type: "string" },
      json: { type: "string" },
      markdown: { type: "string" },
      dir: { type: "string", default: tmpdir() },
      list: { type: "boolean", default: false },
    },
  });
  const { json, markdown, dir, large, list } = values;
  const engines = values.engines?.split(",");
  for (const engine of engines ?? []) engineById(engine);
  if (!statSync(dir).isDirectory()) throw new RangeError(`--dir ${dir}: not a folder`);
  if (json !== undefined) statSync(dirname(json));
  if (markdown !== undefined) assertTakesFigures(markdown);
  // The whole table is bounded; what is asked for by name takes as long as it takes.
  const bounded = positionals.length === 0 && !large;
  return {
    filters: positionals,
    records: values.records.split(",").map((part) => wholeNumber("records", part)),
    rounds: wholeNumber("rounds", values.rounds),
    engines,
    large,
    minutes: values.minutes === undefined ? (bounded ? DEFAULT_MINUTES : undefined) : minutes(values.minutes),
    json,
    markdown,
    dir,
    list,
  };
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new RangeError(`--${option} ${text}: not a whole number of 1 or more`);
}

function minutes(text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new RangeError(`--minutes ${text}: not a number above 0`);
}
