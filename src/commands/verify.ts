/** `espalier verify`: proves the whole file. Exit code 4 where it is damaged. */

import type { CommandModule } from "yargs";
import { shellWord } from "../base/shell-word.js";
import { mayLackLog } from "../pager/opened-header.js";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { EXIT_CORRUPTION } from "./support/exit-codes.js";
import { printable } from "./support/formats.js";
import { count, duration, note, paint, percent, plural, print, printJson, table } from "./support/output.js";
import { MAY_LACK_LOG, withReadOnly } from "./support/session.js";

const PROBLEMS_SHOWN = 20;

export const verifyCommand: CommandModule = command<FileArgument & JsonArgument>({
  command: "verify <file>",
  describe: "Prove every page, checksum, order and count of a store, and print content digests",
  builder: (yargs) =>
    withJson(withFile(yargs))
      .example("$0 verify data.esp", "Exit code 0 if the file is sound, 4 if not")
      .example("$0 verify data.esp --json | jq -r .digest", "SHA-256 of the unnamed tree's content"),
  handler: ({ file, json }) =>
    withReadOnly(file, (session) => {
      const start = performance.now();
      const report = session.store.verify();
      if (!report.ok) process.exitCode = EXIT_CORRUPTION;
      const { pager } = session.engine;
      const lacksLog = mayLackLog(pager.data, pager.header);
      if (lacksLog) note(MAY_LACK_LOG);
      if (json) {
        printJson(report);
        return;
      }
      const rows = Object.entries(report.trees).map(([name, tree]) => [
        name === "" ? "(unnamed)" : printable(name),
        count(tree.records),
        count(tree.pages),
        String(tree.height),
        tree.digest,
      ]);
      print(table(["tree", "records", "pages", "height", "digest"], rows));
      const free = `${count(report.freePages)} free (${percent(report.freePages, report.pages)})`;
      note(`${plural(report.pages, "page")}, ${free}, read in ${duration(performance.now() - start)}`);
      for (const { page, invariant, reason } of report.problems.slice(0, PROBLEMS_SHOWN)) {
        print(`${paint("red", "problem")} page ${page}: ${reason} (${invariant})`);
      }
      const more = report.problems.length - PROBLEMS_SHOWN;
      if (more > 0) print(`and ${plural(more, "problem")} more; --json lists them`);
      if (report.ok && lacksLog) note("All that is there is sound.");
      else if (report.ok) note(paint("green", "The file is sound.", process.stderr));
      else
        note(
          `Damaged: ${plural(report.problems.length, "problem")}. Readable records: espalier salvage ${shellWord(file)} --out NEW`,
        );
    }),
});
