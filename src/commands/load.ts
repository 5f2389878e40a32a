/**
 * `espalier load`: puts the records of a dump into a store, and proves that all of them arrived. What stands before a
 * bad line is loaded, and the error says how much that is; a store that was made for nothing goes again.
 */

import type { CommandModule } from "yargs";
import { CorruptionError, EncodingError } from "../base/errors.js";
import { ContentDigest } from "../store/content-digest.js";
import { open } from "../store/open.js";
import type { RawTree } from "../store/raw-tree.js";
import { nodeVfs } from "../vfs/node-vfs.js";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import type { EndLine, TreeLine } from "./support/dump-format.js";
import { DumpReader } from "./support/dump-reader.js";
import { DamagedInputError } from "./support/exit-codes.js";
import { interruptible } from "./support/interrupt.js";
import { openInput, readLines } from "./support/lines.js";
import { note, plural, printJson } from "./support/output.js";
import { Progress } from "./support/progress.js";
import { Session } from "./support/session.js";

interface LoadArguments extends FileArgument, JsonArgument {
  readonly from: string;
  readonly "page-size": number | undefined;
}

/** Records in one change, and bytes after which it ends early. */
const BATCH_RECORDS = 10_000;
const BATCH_BYTES: number = 16 * 1024 * 1024;

export const loadCommand: CommandModule = command<LoadArguments>({
  command: "load <file> [from]",
  describe: "Put the records of a dump into a store, made where it is missing",
  builder: (yargs) =>
    withJson(withFile(yargs))
      .positional("from", { type: "string", default: "-", describe: "The dump; - is standard input" })
      .option("page-size", { type: "number", describe: "Of a new store; the dump's own by default" })
      .example("$0 load copy.esp data.jsonl", "A dump, with its trees and encodings")
      .example("$0 dump old.esp | $0 load new.esp --page-size 8192", "Into a store with other pages")
      .example('echo \'{"key":"a","value":1}\' | $0 load data.esp', "Plain JSON lines"),
  handler: async (args) => {
    const input = args.from === "-" ? process.stdin : openInput(args.from);
    const loader = new Loader(args);
    try {
      await interruptible(async (signal) => {
        signal.addEventListener("abort", () => input.destroy(signal.reason as Error));
        const lines = readLines(input, args.from === "-" ? "standard input" : args.from);
        for await (const line of lines) loader.line(line);
        signal.throwIfAborted();
        loader.finish();
      });
    } catch (error) {
      throw loader.failed(error);
    } finally {
      loader.close();
    }
    if (args.json) printJson({ records: loader.records, trees: loader.trees });
    else note(`${plural(loader.records, "record")} loaded into ${plural(loader.trees, "tree")}`);
  },
});

class Loader {
  /** Read from the dump. */
  records = 0;
  trees = 0;
  /** Of them, in the store. */
  #stored = 0;
  #isNewStore = false;
  /** The dump was read to its end; even one of an empty store is a dump. */
  #isWhole = false;
  readonly #args: LoadArguments;
  readonly #reader: DumpReader = new DumpReader();
  readonly #progress: Progress = new Progress("loading");
  #pageSize: number | undefined;
  #session: Session | undefined;
  #tree: RawTree | undefined;
  /** The tree held nothing before: then its digest must come out as the dump says. */
  #wasEmpty = false;
  /** Of what is put into a tree that held records: these must be as the dump says. */
  #read: ContentDigest = new ContentDigest();
  #batch: [Uint8Array, Uint8Array][] = [];
  #batchBytes = 0;

  constructor(args: LoadArguments) {
    this.#args = args;
    this.#pageSize = args["page-size"];
  }

  line(text: string): void {
    for (const event of this.#reader.read(text)) {
      if (event.kind === "header") this.#pageSize ??= event.pageSize;
      else if (event.kind === "tree") this.#begin(event);
      else if (event.kind === "end") this.#end(event);
      else this.#put(event.key, event.value);
    }
  }

  finish(): void {
    this.#flush();
    this.#reader.finish();
    if (this.#session === undefined) throw new DamagedInputError("the dump is empty");
    this.#session.store.checkpoint();
    this.#isWhole = true;
  }

  /** The error of a load that ends before its time, with what has become of the records. */
  failed(error: unknown): unknown {
    let cause = error;
    try {
      if (error instanceof DamagedInputError) this.#flush();
    } catch (other) {
      cause = other;
    }
    const hasBegun = this.#session !== undefined || cause instanceof DamagedInputError;
    if (!(cause instanceof Error) || !hasBegun) return cause;
    const message = `${cause.message}; ${this.#outcome()}`;
    return Object.assign(cause, { message, recordsLoaded: this.#stored });
  }

  #outcome(): string {
    if (this.#stored > 0) return `${plural(this.#stored, "record was", "records were")} loaded before that`;
    const made = this.#session === undefined || this.#isNewStore;
    return made ? "nothing was loaded, and no store made" : "nothing was loaded";
  }

  close(): void {
    this.#progress.end();
    if (this.#session === undefined) return;
    if (this.#isNewStore && !this.#isWhole) this.#session.closeMadeForNothing();
    else this.#session.store.close();
  }

  #begin(line: TreeLine): void {
    this.#flush();
    const { tree, keyEncoding, valueEncoding } = line;
    this.#session ??= this.#open(line);
    if (tree !== "") this.#session.store.tree(tree, { keyEncoding, valueEncoding });
    this.#tree = this.#session.tree(tree === "" ? undefined : tree);
    const { record } = this.#tree;
    if (record.keyEncoding !== keyEncoding || record.valueEncoding !== valueEncoding) {
      const there = `${record.keyEncoding} keys and ${record.valueEncoding} values`;
      throw new EncodingError(
        `the store has ${there}, the dump ${keyEncoding} keys and ${valueEncoding} values`,
      );
    }
    this.#wasEmpty = this.#tree.handle.count() === 0;
    this.#read = new ContentDigest();
    this.trees++;
  }

  /** A new store takes its encodings from the dump's unnamed tree, or the defaults. */
  #open({ tree, keyEncoding, valueEncoding }: TreeLine): Session {
    this.#isNewStore = nodeVfs.stat(this.#args.file) === undefined;
    const store = open<unknown, unknown>(this.#args.file, {
      durability: "group",
      ...(this.#pageSize !== undefined && { pageSize: this.#pageSize }),
      ...(tree === "" && { keyEncoding, valueEncoding }),
    });
    return new Session(store);
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    if (!this.#wasEmpty) this.#read.add(key, value);
    this.#batch.push([key, value]);
    this.#batchBytes += key.length + value.length;
    this.records++;
    this.#progress.show(this.records, 0);
    if (this.#batch.length >= BATCH_RECORDS || this.#batchBytes >= BATCH_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#batch.length === 0) return;
    this.#tree?.handle.putMany(this.#batch);
    this.#stored += this.#batch.length;
    this.#batch = [];
    this.#batchBytes = 0;
  }

  #end({ end, records, digest }: EndLine): void {
    this.#flush();
    const tree = this.#tree;
    this.#tree = undefined;
    if (tree === undefined) return;
    const found = this.#wasEmpty ? contentOf(tree) : this.#read;
    if (found.records === records && found.finish() === digest) return;
    const place = { path: this.#args.file, page: tree.record.root, offset: -1 };
    throw new CorruptionError(
      "S3",
      `the tree "${end}" is not what the dump says; was the dump edited?`,
      place,
    );
  }
}

function contentOf(tree: RawTree): ContentDigest {
  const found = new ContentDigest();
  for (const [key, value] of tree.handle.range()) found.add(key, value);
  return found;
}
