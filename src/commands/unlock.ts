/** `espalier unlock`: removes a lock whose holder is gone but can't be proven dead (P5). */

import type { CommandModule } from "yargs";
import { LockedError, NotFoundError } from "../base/errors.js";
import { forceUnlock, type LockState, readLock } from "../vfs/lock.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { note, printJson } from "./support/output.js";

interface UnlockArguments extends FileArgument, JsonArgument {
  readonly force: boolean;
}

export const unlockCommand: CommandModule = command<UnlockArguments>({
  command: "unlock <file>",
  describe: "Say who holds a store's lock, and remove it, unless the holder is seen to run",
  builder: (yargs) =>
    withJson(withFile(yargs))
      .option("force", {
        type: "boolean",
        default: false,
        describe: "Even if the holder is running. Two programs that write one store destroy it",
      })
      .example("$0 unlock data.esp", "Refuses, with exit code 5, while the holder runs here")
      .epilogue(
        "A holder on another machine or in another container can't be seen: its lock is removed without --force. Make sure first that it has ended.",
      ),
  handler: ({ file, json, force }) => {
    if (nodeVfs.stat(file) === undefined && readLock(nodeVfs, file).state === "free")
      throw new NotFoundError(file);
    const before = readLock(nodeVfs, file);
    try {
      forceUnlock(nodeVfs, file, { evenIfAlive: force });
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      throw new LockedError(
        error.path,
        `${error.message}. End it, or use --force if it can't be`,
        error.holder,
      );
    }
    if (json) printJson({ ...before, removed: before.state !== "free" });
    else note(describe(before));
  },
});

function describe({ state, holder }: LockState): string {
  if (state === "free") return "not locked; nothing to do";
  if (holder === undefined) return "removed a lock that named no holder";
  const who = `process ${holder.pid} on ${holder.host}, since ${new Date(holder.since).toISOString()}`;
  const how =
    state === "alive"
      ? "which is RUNNING"
      : state === "dead"
        ? "which is dead"
        : "which can't be seen from here";
  return `removed the lock of ${who}, ${how}`;
}
