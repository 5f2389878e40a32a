/** `espalier put`: puts one record, durably. */

import { readFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import type { RawTree } from "../store/raw-tree.js";
import {
  command,
  type FileArgument,
  type JsonArgument,
  type TreeArgument,
  withFile,
  withJson,
  withTree,
} from "./support/command.js";
import { UsageError } from "./support/exit-codes.js";
import { assertReadableKey, assertReadableValue, exactText, jsonKey, parseValue } from "./support/formats.js";
import { note, printJson } from "./support/output.js";
import {
  type KeyFormatArgument,
  keyOf,
  type ValueFormatArgument,
  valueFormatOf,
  withKeyFormat,
  withValueFormat,
} from "./support/records.js";
import { withStore } from "./support/session.js";

interface PutArguments
  extends FileArgument,
    JsonArgument,
    TreeArgument,
    KeyFormatArgument,
    ValueFormatArgument {
  readonly key: string;
  readonly value: string | undefined;
  readonly from: string | undefined;
  readonly create: boolean;
}

export const putCommand: CommandModule = command<PutArguments>({
  command: "put <file> <key> [value]",
  describe: "Put a record; durable when the command returns",
  builder: (yargs) =>
    withValueFormat(withKeyFormat(withTree(withJson(withFile(yargs)))))
      .positional("key", { type: "string", demandOption: true, describe: "The key" })
      .positional("value", { type: "string", describe: "The value, as the tree's encoding says" })
      .option("from", {
        type: "string",
        nargs: 1,
        describe: "Take the value's bytes from this file; - is standard input",
      })
      .option("create", { type: "boolean", default: false, describe: "Make the store where it is missing" })
      .conflicts("from", ["value", "value-as"])
      .example('$0 put data.esp user/1 \'{"name":"Ada"}\' --create', "JSON is the default encoding")
      .example("$0 put data.esp 00000000000004d2 2a00", "Binary keys and values in hexadecimal")
      .example("$0 put data.esp photo --from photo.jpg", "A value from a file"),
  handler: (args) =>
    withStore(args.file, { createIfMissing: args.create }, (session) => {
      const tree = session.tree(args.tree);
      const key = keyOf(tree, args.key, args["key-as"]);
      const value = valueBytes(args, tree);
      assertReadableKey(key, tree.record.keyEncoding);
      assertReadableValue(value, tree.record.valueEncoding);
      const existed = tree.handle.has(key);
      tree.handle.put(key, value, { sync: true });
      if (args.json) printJson({ key: jsonKey(key, tree.record.keyEncoding), replaced: existed });
      else note(existed ? "replaced" : "added");
    }),
});

function valueBytes(args: PutArguments, tree: RawTree): Uint8Array {
  const { valueEncoding } = tree.record;
  if (args.value !== undefined)
    return parseValue(args.value, valueFormatOf(tree, args["value-as"]), valueEncoding);
  if (args.from === undefined) throw new UsageError("a value is needed: on the command line, or by --from");
  const bytes = readFileSync(args.from === "-" ? 0 : args.from);
  const text = valueEncoding === "json" ? exactText(bytes) : undefined;
  return text === undefined ? bytes : parseValue(text, "json", "json");
}
