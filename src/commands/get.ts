/** `espalier get`: one record's value. Exit code 1 where the key is not there. */

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
import { formatBytes, jsonKey, jsonValue, printable } from "./support/formats.js";
import { note, print, printJson, writeOut } from "./support/output.js";
import {
  type KeyFormatArgument,
  keyOf,
  type ValueFormatArgument,
  valueFormatOf,
  withKeyFormat,
  withValueFormat,
} from "./support/records.js";
import { withReadOnly } from "./support/session.js";

interface GetArguments
  extends FileArgument,
    JsonArgument,
    TreeArgument,
    KeyFormatArgument,
    ValueFormatArgument {
  readonly key: string;
  readonly raw: boolean;
}

export const getCommand: CommandModule = command<GetArguments>({
  command: "get <file> <key>",
  describe: "Print the value of a key",
  builder: (yargs) =>
    withValueFormat(withKeyFormat(withTree(withJson(withFile(yargs)))))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .option("raw", {
        type: "boolean",
        default: false,
        describe: "The value's bytes, with no newline added",
      })
      .example("$0 get data.esp user/1", "A text key")
      .example("$0 get data.esp 00000000000004d2 --raw > value.bin", "A binary key in hexadecimal, the bytes")
      .example("$0 get data.esp '[\"user\",1]' --tree by-id", "An ordered key, in a named tree"),
  handler: (args) =>
    withReadOnly(args.file, async (session) => {
      if (args.raw && (args.json || args["value-as"] !== undefined))
        throw new UsageError("--raw excludes --json and --value-as");
      const tree = session.tree(args.tree);
      const key = keyOf(tree, args.key, args["key-as"]);
      const value = tree.handle.get(key);
      if (value === undefined) {
        if (args.json) printJson({ key: jsonKey(key, tree.record.keyEncoding), found: false });
        note(`no such key: ${printable(args.key)}`);
        process.exitCode = EXIT_FINDINGS;
      } else if (args.raw) await writeOut(value);
      else if (args.json) {
        const { keyEncoding, valueEncoding } = tree.record;
        printJson({ key: jsonKey(key, keyEncoding), found: true, value: jsonValue(value, valueEncoding) });
      } else print(formatBytes(value, valueFormatOf(tree, args["value-as"])));
    }),
});
