/** `espalier compact`: gives unused space back to the file system. */

import type { CommandModule } from "yargs";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { interruptible } from "./support/interrupt.js";
import { bytes, note, plural, printJson } from "./support/output.js";
import { Progress } from "./support/progress.js";
import { withStore } from "./support/session.js";

export const compactCommand: CommandModule = command<FileArgument & JsonArgument>({
  command: "compact <file>",
  describe: "Move pages out of the end of the file and cut it; Ctrl-C leaves a whole store",
  builder: (yargs) => withJson(withFile(yargs)).example("$0 compact data.esp", "After much was deleted"),
  handler: ({ file, json }) =>
    interruptible((signal) =>
      withStore(file, {}, async (session) => {
        const progress = new Progress("compacting");
        try {
          const report = await session.store.compact({
            signal,
            onProgress: ({ done, total }) => progress.show(done, total),
          });
          progress.end();
          if (json) printJson(report);
          else {
            const { bytesBefore, bytesAfter, pagesMoved } = report;
            note(
              `${bytes(bytesBefore)} before, ${bytes(bytesAfter)} now; ${plural(pagesMoved, "page")} moved`,
            );
          }
        } finally {
          progress.end();
        }
      }),
    ),
});
