/** `espalier scan`: records in key order, one a line. */

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
import { formatBytes, formatKey, jsonKey, jsonValue, printable } from "./support/formats.js";
import { Output, paint, printJson } from "./support/output.js";
import {
  type BoundArguments,
  type KeyFormatArgument,
  keyFormatOf,
  rangeOf,
  type ValueFormatArgument,
  valueFormatOf,
  withBounds,
  withKeyFormat,
  withValueFormat,
} from "./support/records.js";
import { withReadOnly } from "./support/session.js";

interface ScanArguments
  extends FileArgument,
    JsonArgument,
    TreeArgument,
    KeyFormatArgument,
    ValueFormatArgument,
    BoundArguments {
  readonly reverse: boolean;
  readonly limit: number | undefined;
  readonly keys: boolean;
  readonly count: boolean;
}

export const scanCommand: CommandModule = command<ScanArguments>({
  command: "scan <file>",
  describe: "Print records in key order: key, tab, value",
  builder: (yargs) =>
    withBounds(withValueFormat(withKeyFormat(withTree(withJson(withFile(yargs))))))
      .option("reverse", { alias: "r", type: "boolean", default: false, describe: "From the last key down" })
      .option("limit", { alias: "n", type: "number", describe: "At most so many records" })
      .option("keys", { alias: "k", type: "boolean", default: false, describe: "Keys only" })
      .option("count", { alias: "c", type: "boolean", default: false, describe: "Only how many there are" })
      .example("$0 scan data.esp --prefix user/ --limit 10", "The first ten users")
      .example("$0 scan data.esp --reverse --limit 1", "The last record")
      .example("$0 scan data.esp --json | jq .value", "JSON lines: one object a record"),
  handler: (args) =>
    withReadOnly(args.file, async (session) => {
      const tree = session.tree(args.tree);
      const range = {
        ...rangeOf(tree, args, args["key-as"]),
        reverse: args.reverse,
        ...(args.limit !== undefined && { limit: args.limit }),
      };
      const output = new Output();
      if (args.count) {
        const records = tree.handle.count(range);
        if (args.json) printJson({ records });
        else output.line(String(records));
      } else if (args.keys) {
        const line = keyLine(tree, args);
        for (const key of tree.handle.keys(range)) {
          output.line(line(key));
          await output.room();
        }
      } else {
        const line = recordLine(tree, args);
        for (const [key, value] of tree.handle.range(range)) {
          output.line(line(key, value));
          await output.room();
        }
      }
      await output.end();
    }),
});

function keyLine(tree: RawTree, args: ScanArguments): (key: Uint8Array) => string {
  const { keyEncoding } = tree.record;
  if (args.json) return (key) => JSON.stringify({ key: jsonKey(key, keyEncoding) });
  const format = keyFormatOf(tree, args["key-as"]);
  return (key) => printable(formatKey(key, format, keyEncoding));
}

function recordLine(tree: RawTree, args: ScanArguments): (key: Uint8Array, value: Uint8Array) => string {
  const { keyEncoding, valueEncoding } = tree.record;
  if (args.json) {
    return (key, value) =>
      JSON.stringify({ key: jsonKey(key, keyEncoding), value: jsonValue(value, valueEncoding) });
  }
  const keyFormat = keyFormatOf(tree, args["key-as"]);
  const valueFormat = valueFormatOf(tree, args["value-as"]);
  return (key, value) =>
    `${paint("cyan", printable(formatKey(key, keyFormat, keyEncoding)))}\t${printable(formatBytes(value, valueFormat))}`;
}
