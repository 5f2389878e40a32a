/** `espalier backup`: a whole, closed copy of a store. */

import type { CommandModule } from "yargs";
import { shellWord } from "../base/shell-word.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { EXIT_CORRUPTION } from "./support/exit-codes.js";
import { interruptible } from "./support/interrupt.js";
import { bytes, count, note, printJson } from "./support/output.js";
import { Progress } from "./support/progress.js";
import { type Session, withReadOnly } from "./support/session.js";

interface BackupArguments extends FileArgument, JsonArgument {
  readonly to: string;
  readonly verify: boolean;
}

export const backupCommand: CommandModule = command<BackupArguments>({
  command: "backup <file> <to>",
  describe: "Copy a store to a new file, and verify the copy",
  builder: (yargs) =>
    withJson(withFile(yargs))
      .positional("to", { type: "string", demandOption: true, describe: "The copy; must not exist" })
      .option("verify", { type: "boolean", default: true, describe: "Verify the copy; --no-verify does not" })
      .example(
        "$0 backup data.esp backups/data-monday.esp",
        "A program that has the store open calls backup() itself",
      ),
  handler: ({ file, to, verify, json }) =>
    interruptible((signal) =>
      withReadOnly(file, async (session) => {
        await copy(session, to, signal);
        const { size = 0 } = nodeVfs.stat(to) ?? {};
        const report = verify ? await withReadOnly(to, (made) => made.store.verify()) : undefined;
        if (report?.ok === false) process.exitCode = EXIT_CORRUPTION;
        if (json) {
          printJson({
            path: to,
            bytes: size,
            ...(report && { ok: report.ok, records: report.records, digest: report.digest }),
          });
        } else if (report === undefined) note(`${to}: ${bytes(size)}, not verified`);
        else if (report.ok) note(`${to}: ${bytes(size)}, ${count(report.records)} records, verified`);
        else note(`${to}: the copy is damaged, as the original is; see: espalier verify ${shellWord(file)}`);
      }),
    ),
});

async function copy(session: Session, to: string, signal: AbortSignal): Promise<void> {
  const progress = new Progress("copying");
  try {
    await session.store.backup(to, { signal, onProgress: ({ done, total }) => progress.show(done, total) });
  } finally {
    progress.end();
  }
}
