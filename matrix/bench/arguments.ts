/** What the benchmark is asked for on its command line. */

import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { engineById } from "../engines/registry.js";
import { assertTakesFigures } from "./marked-document.js";

const DEFAULT_MINUTES = 15;

export const USAGE: string = `The store beside its peers, against the table of targets:

  npm run bench [-- filter... options]

A filter is a section's name (get, scan, insert ...) or the beginning of a cell's (get/text/1000000). Without one a
choice of the cells of all sections runs, in about a quarter of an hour; with one, all that match, for as long as
they take.

  --list                     the sections, their targets and cells
  --large                    adds what takes minutes: 10,000,000 records, 1 GiB
  --records 10000,1000000    sizes
  --rounds 3                 rounds of a cell
  --engines a,b              only these
  --minutes ${DEFAULT_MINUTES}               time for all, once there is a round of each cell
  --json FILE                every round
  --markdown FILE            the figures, between that document's marks
  --dir FOLDER               on whose disk
`;

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
  readonly help: boolean;
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
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { json, markdown, dir, large, list, help } = values;
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
    help,
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
