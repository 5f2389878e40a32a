/** `espalier stats`: what the store says of itself, without reading the whole file. */

import type { CommandModule } from "yargs";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { printable } from "./support/formats.js";
import { bytes, count, pairs, percent, print, printJson, table } from "./support/output.js";
import { type Session, withReadOnly } from "./support/session.js";

interface TreeLine {
  readonly name: string;
  readonly records: number;
  readonly keyEncoding: string;
  readonly valueEncoding: string;
  readonly root: number;
}

export const statsCommand: CommandModule = command<FileArgument & JsonArgument>({
  command: "stats <file>",
  describe: "Sizes, trees and states of a store",
  builder: (yargs) =>
    withJson(withFile(yargs))
      .example("$0 stats data.esp", "For a person")
      .example("$0 stats data.esp --json | jq .records", "For a program"),
  handler: ({ file, json }) =>
    withReadOnly(file, (session) => {
      const stats = session.store.stats();
      const trees = treesOf(session);
      if (json) {
        printJson({ ...stats, trees });
        return;
      }
      const unused = stats.freePages * stats.pageSize;
      print(
        pairs([
          ["file", printable(stats.path)],
          ["store id", stats.storeId],
          ["size", bytes(stats.dataBytes)],
          ["pages", `${count(stats.pages)} of ${bytes(stats.pageSize)}`],
          [
            "free pages",
            `${count(stats.freePages)} (${bytes(unused)}, ${percent(stats.freePages, stats.pages)})`,
          ],
          ["longest key", bytes(stats.keyBytesMax)],
          ["last commit", count(stats.committed)],
        ]),
      );
      print("");
      print(
        table(
          ["tree", "records", "keys", "values", "root page"],
          trees.map((tree) => [
            tree.name === "" ? "(unnamed)" : printable(tree.name),
            count(tree.records),
            tree.keyEncoding,
            tree.valueEncoding,
            String(tree.root),
          ]),
        ),
      );
    }),
});

function treesOf(session: Session): TreeLine[] {
  return session.trees().map(({ name, record, handle }) => ({
    name,
    records: handle.count(),
    keyEncoding: record.keyEncoding,
    valueEncoding: record.valueEncoding,
    root: record.root,
  }));
}
