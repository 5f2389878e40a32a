/**
 * `espalier salvage`: what can be read of a damaged file goes to a new store, and what can't is listed by
 * page and key range. Exit code 1 where something was lost.
 */

import type { CommandModule } from "yargs";
import { LegacyFormatError, MigratingError, NotAStoreError } from "../base/errors.js";
import { UNNAMED } from "../store/catalog.js";
import type { KeyEncoding } from "../store/options.js";
import { PageSource } from "./pages/page-source.js";
import { type SalvagedTree, type SalvageResult, salvageStore } from "./pages/salvage.js";
import { type LostRange, type StoreSurvey, surveyStore } from "./pages/survey.js";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { EXIT_FINDINGS } from "./support/exit-codes.js";
import { formatKey, formatOfKeys, jsonKey, printable } from "./support/formats.js";
import { bytes, note, paint, plural, print, printJson } from "./support/output.js";
import { Progress } from "./support/progress.js";
import { MAY_LACK_LOG } from "./support/session.js";

export interface SalvageArguments extends FileArgument, JsonArgument {
  readonly out: string;
}

/** Of files that are the migrator's; one whose first bytes are damaged may be. */
const LEGACY_ERRORS = [LegacyFormatError, MigratingError, NotAStoreError];

/** The migrator's part, handed in by the front door. */
export interface LegacySalvage {
  /** By its journal, whatever its first bytes are; false where that can't be read either. */
  readonly isHalfConverted: (path: string) => boolean;
  /** Of a legacy file or a half-converted one. Throws NotAStoreError where it is neither. */
  readonly salvage: (args: SalvageArguments) => Promise<void>;
}

export function salvageCommand(load: () => Promise<LegacySalvage>): CommandModule {
  return command<SalvageArguments>({
    command: "salvage <file>",
    describe: "Write what can be read of a damaged file to a new one, and list what was lost",
    builder: (yargs) =>
      withJson(withFile(yargs, "A damaged store, or a damaged legacy or half-converted file"))
        .option("out", {
          alias: "o",
          type: "string",
          demandOption: true,
          describe: "The new store; must not exist",
        })
        .example("$0 salvage data.esp --out rescued.esp", "Exit code 0: nothing was lost; 1: see the list"),
    handler: async (args) => {
      const legacy = await load();
      // Some of its pages are those of a store, and would be taken for all there is.
      if (legacy.isHalfConverted(args.file)) return legacy.salvage(args);
      try {
        salvage(args);
      } catch (error) {
        if (!LEGACY_ERRORS.some((kind) => error instanceof kind)) throw error;
        await legacy.salvage(args);
      }
    },
  });
}

function salvage({ file, out, json }: SalvageArguments): void {
  const source = new PageSource(file, true);
  const progress = new Progress("salvaging");
  try {
    if (source.trouble !== undefined) note(`The data file alone is read: ${source.trouble.message}`);
    if (source.rebuilt)
      note(`Its pages say that they have ${bytes(source.pageSize)} and belong to one store.`);
    else if (source.mayLackLog) note(MAY_LACK_LOG);
    const survey = surveyStore(source, (done, total) => progress.show(done, total * 2));
    const { pageCount } = source;
    const result = salvageStore(source, survey, out, (done, total) =>
      progress.show(pageCount * (1 + done / Math.max(1, total)), pageCount * 2),
    );
    progress.end();
    const isAll = source.trouble === undefined && !source.mayLackLog;
    const complete = isAll && isComplete(survey, result);
    if (!complete) process.exitCode = EXIT_FINDINGS;
    if (json) printJson(asJson(survey, result, out, complete));
    else show(survey, result, out, complete);
  } finally {
    progress.end();
    source.close();
  }
}

function isComplete(survey: StoreSurvey, { trees }: SalvageResult): boolean {
  const whole = trees.every(({ lost, lostValues }) => lost.length === 0 && lostValues.length === 0);
  return whole && survey.stray.length === 0 && survey.problems.length === 0;
}

function encodingOf(survey: StoreSurvey, name: string): KeyEncoding {
  return survey.trees.find((tree) => tree.name === name)?.record.keyEncoding ?? "binary";
}

function show(survey: StoreSurvey, result: SalvageResult, out: string, complete: boolean): void {
  for (const { page, invariant, reason } of survey.problems) {
    print(`${paint("red", "damaged")} page ${page}: ${reason} (${invariant})`);
  }
  for (const tree of result.trees) {
    print(`${nameOf(tree)}: ${plural(tree.records, "record")} saved`);
    const encoding = encodingOf(survey, tree.name);
    for (const range of tree.lost)
      print(`  ${paint("red", "lost")} ${rangeText(range, encoding)}, on page ${range.page}`);
    for (const { key, page, bytes: length } of tree.lostValues) {
      const text = printable(formatKey(key, formatOfKeys(encoding), encoding));
      print(`  ${paint("red", "lost")} the value of ${text} (${bytes(length)}, from page ${page} on)`);
    }
  }
  note(`${plural(result.records, "record")} in ${out}${complete ? ", nothing lost" : ""}`);
}

function nameOf({ name }: SalvagedTree): string {
  return name === UNNAMED ? "(unnamed)" : printable(name);
}

function rangeText({ low, high }: LostRange, encoding: KeyEncoding): string {
  const text = (key: Uint8Array): string => printable(fenceText(key, encoding));
  if (low.length === 0 && high.length === 0) return "all keys";
  if (low.length === 0) return `keys below ${text(high)}`;
  return high.length === 0 ? `keys from ${text(low)} on` : `keys from ${text(low)} up to ${text(high)}`;
}

/** A fence is cut as short as it can be, so that it need not be a whole key. */
function fenceText(key: Uint8Array, encoding: KeyEncoding): string {
  return formatKey(key, encoding === "ordered" ? "hex" : formatOfKeys(encoding), encoding);
}

function asJson(survey: StoreSurvey, result: SalvageResult, out: string, complete: boolean): unknown {
  const trees = result.trees.map(({ name, records, lost, lostValues }) => {
    const encoding = encodingOf(survey, name);
    return {
      name,
      records,
      lost: lost.map(({ page, low, high, invariant, reason }) => ({
        page,
        invariant,
        reason,
        fromHex: Buffer.from(low).toString("hex"),
        toHex: Buffer.from(high).toString("hex"),
      })),
      lostValues: lostValues.map(({ key, page, bytes: length }) => ({
        key: jsonKey(key, encoding),
        page,
        bytes: length,
      })),
    };
  });
  return { path: out, complete, records: result.records, problems: survey.problems, trees };
}
