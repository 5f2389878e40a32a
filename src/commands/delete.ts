/** `espalier delete`: removes records, durably. Exit code 1 where there was none. */

import type { CommandModule } from "yargs";
import {
  command,
  type FileArgument,
  type JsonArgument,
  type TreeArgument,
  withFile,
  withJson,
  withTree,
} from "./support/command.js";
import { EXIT_FINDINGS, UsageError } from "./support/exit-codes.js";
import { note, plural, printJson } from "./support/output.js";
import {
  type BoundArguments,
  type KeyFormatArgument,
  keyOf,
  rangeOf,
  withBounds,
  withKeyFormat,
} from "./support/records.js";
import { withStore } from "./support/session.js";

interface DeleteArguments
  extends FileArgument,
    JsonArgument,
    TreeArgument,
    KeyFormatArgument,
    BoundArguments {
  readonly keys: string[];
}

export const deleteCommand: CommandModule = command<DeleteArguments>({
  command: "delete <file> [keys..]",
  describe: "Remove records by key or by range, as one change",
  builder: (yargs) =>
    withBounds(withKeyFormat(withTree(withJson(withFile(yargs)))))
      .positional("keys", { type: "string", array: true, default: [], describe: "Keys to remove" })
      .example("$0 delete data.esp user/1 user/2", "Two records, or none of them")
      .example("$0 delete data.esp --prefix session/", "All records below a prefix"),
  handler: (args) =>
    withStore(args.file, {}, (session) => {
      const tree = session.tree(args.tree);
      const range = rangeOf(tree, args, args["key-as"]);
      const keys = args.keys.map((text) => keyOf(tree, text, args["key-as"]));
      const bounded = Object.keys(range).length > 0;
      if (bounded === keys.length > 0)
        throw new UsageError("name keys, or a range by --gte, --gt, --lt, --lte or --prefix");
      const removed = session.store.transaction(
        () =>
          bounded ? tree.handle.deleteRange(range) : keys.filter((key) => tree.handle.delete(key)).length,
        { sync: true },
      );
      if (args.json) printJson({ removed });
      else note(`${plural(removed, "record")} removed`);
      if (removed === 0) process.exitCode = EXIT_FINDINGS;
    }),
});
