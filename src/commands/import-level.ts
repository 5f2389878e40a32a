/** `espalier import-level`: a LevelDB database, as classic-level has it, becomes a store. */

import type { CommandModule } from "yargs";
import { importLevel } from "../level/import-level.js";
import { command, type JsonArgument, withJson } from "./support/command.js";
import { interruptible } from "./support/interrupt.js";
import { bytes, note, plural, print, printJson } from "./support/output.js";
import { Progress } from "./support/progress.js";

interface ImportArguments extends JsonArgument {
  readonly folder: string;
  readonly file: string;
  readonly "page-size": number | undefined;
}

export const importLevelCommand: CommandModule = command<ImportArguments>({
  command: "import-level <folder> <file>",
  describe: "Copy a LevelDB database (classic-level) into a new store, and compare digests",
  builder: (yargs) =>
    withJson(yargs)
      .positional("folder", {
        type: "string",
        demandOption: true,
        describe: "LevelDB's folder; must be closed",
      })
      .positional("file", { type: "string", demandOption: true, describe: "The new store; must not exist" })
      .option("page-size", {
        type: "number",
        describe: "Of the new store; 4096 by default, or what the longest key needs",
      })
      .example("$0 import-level db db.esp", 'Then: new EspalierLevel("db.esp")'),
  handler: ({ folder, file, json, "page-size": pageSize }) =>
    interruptible(async (signal) => {
      const progress = new Progress("importing");
      try {
        const report = await importLevel(folder, file, {
          signal,
          onProgress: ({ records, total }) => progress.show(records, total),
          ...(pageSize !== undefined && { pageSize }),
        });
        progress.end();
        if (json) printJson({ path: file, ...report });
        else {
          print(report.digest);
          note(`${plural(report.records, "record")} (${bytes(report.bytes)}) imported, digests agree`);
        }
      } finally {
        progress.end();
      }
    }),
});
