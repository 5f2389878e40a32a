/** `espalier export-level`: a store becomes a LevelDB database, as classic-level has it. */

import type { CommandModule } from "yargs";
import { exportLevel } from "../level/export-level.js";
import {
  command,
  type FileArgument,
  type JsonArgument,
  type TreeArgument,
  withFile,
  withJson,
  withTree,
} from "./support/command.js";
import { interruptible } from "./support/interrupt.js";
import { bytes, note, plural, print, printJson } from "./support/output.js";
import { Progress } from "./support/progress.js";

interface ExportArguments extends FileArgument, JsonArgument, TreeArgument {
  readonly folder: string;
}

export const exportLevelCommand: CommandModule = command<ExportArguments>({
  command: "export-level <file> <folder>",
  describe: "Copy a tree into a new LevelDB database (classic-level), and compare digests",
  builder: (yargs) =>
    withTree(withJson(withFile(yargs)))
      .positional("folder", { type: "string", demandOption: true, describe: "LevelDB's; must not exist" })
      .example("$0 export-level db.esp db", "Keys and values are the bytes that they are in the store"),
  handler: ({ file, folder, json, tree }) =>
    interruptible(async (signal) => {
      const progress = new Progress("exporting");
      try {
        const report = await exportLevel(file, folder, {
          signal,
          onProgress: ({ records, total }) => progress.show(records, total),
          ...(tree !== undefined && { tree }),
        });
        progress.end();
        if (json) printJson({ path: folder, ...report });
        else {
          print(report.digest);
          note(`${plural(report.records, "record")} (${bytes(report.bytes)}) exported, digests agree`);
        }
      } finally {
        progress.end();
      }
    }),
});
