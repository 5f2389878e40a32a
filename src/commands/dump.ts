/** `espalier dump`: all records as JSON lines (support/dump-format.ts). */

import type { CommandModule } from "yargs";
import { ContentDigest } from "../store/content-digest.js";
import type { RawTree } from "../store/raw-tree.js";
import { command, type FileArgument, type TreeArgument, withFile, withTree } from "./support/command.js";
import {
  DUMP_VERSION,
  keyField,
  LINE_VALUE_BYTES_MAX,
  PART_BYTES,
  valueField,
} from "./support/dump-format.js";
import { printable } from "./support/formats.js";
import { note, Output, plural } from "./support/output.js";
import { Progress } from "./support/progress.js";
import { withReadOnly } from "./support/session.js";

interface DumpArguments extends FileArgument, TreeArgument {
  readonly json: boolean;
}

export const dumpCommand: CommandModule = command<DumpArguments>({
  command: "dump <file>",
  describe: "Print all records as JSON lines that load brings back byte for byte",
  builder: (yargs) =>
    withTree(withFile(yargs))
      .option("json", { type: "boolean", default: true, describe: "The dump is JSON in any case" })
      .example("$0 dump data.esp > data.jsonl", "All trees")
      .example("$0 dump data.esp --tree by-name | gzip > by-name.jsonl.gz", "One tree, compressed"),
  handler: ({ file, tree }) =>
    withReadOnly(file, async (session) => {
      const output = new Output();
      const trees = tree === undefined ? [...session.trees()] : [session.tree(tree)];
      const { pageSize } = session.store.stats();
      output.line(JSON.stringify({ "espalier-dump": DUMP_VERSION, pageSize, trees: trees.length }));
      let records = 0;
      for (const each of trees) records += await dumpTree(each, output);
      await output.end();
      note(`${plural(records, "record")} dumped`);
    }),
});

async function dumpTree(tree: RawTree, output: Output): Promise<number> {
  const { keyEncoding, valueEncoding } = tree.record;
  const digest = new ContentDigest();
  const progress = new Progress(tree.name === "" ? "dumping" : `dumping ${printable(tree.name)}`);
  const total = tree.handle.count();
  output.line(JSON.stringify({ tree: tree.name, keyEncoding, valueEncoding }));
  for (const [key, value] of tree.handle.range()) {
    digest.add(key, value);
    progress.show(digest.records, total);
    if (value.length > LINE_VALUE_BYTES_MAX) await dumpParts(keyField(key, keyEncoding), value, output);
    else output.line(`{${keyField(key, keyEncoding)},${valueField(value, valueEncoding)}}`);
    await output.room();
  }
  progress.end();
  output.line(JSON.stringify({ end: tree.name, records: digest.records, digest: digest.finish() }));
  return digest.records;
}

async function dumpParts(key: string, value: Uint8Array, output: Output): Promise<void> {
  const parts = Math.ceil(value.length / PART_BYTES);
  output.line(`{${key},"parts":${parts},"bytes":${value.length}}`);
  for (let i = 0; i < parts; i++) {
    const part = Buffer.from(value.subarray(i * PART_BYTES, (i + 1) * PART_BYTES));
    output.line(`{"part64":"${part.toString("base64")}"}`);
    await output.room();
  }
}
