/**
 * Reads a dump (dump-format.ts) line by line and says what each line means, in encoded bytes. Lines
 * without a dump's header are plain records of the unnamed tree: {"key": ..., "value": ...}.
 */

import { KEY_ENCODINGS, VALUE_ENCODINGS } from "../../store/options.js";
import { DUMP_VERSION, type EndLine, type TreeLine } from "./dump-format.js";
import { DamagedInputError, UsageError } from "./exit-codes.js";
import { parseBytes, parseKey, parseValue } from "./formats.js";

export type DumpEvent =
  | { readonly kind: "header"; readonly pageSize: number }
  | ({ readonly kind: "tree" } & TreeLine)
  | { readonly kind: "record"; readonly key: Uint8Array; readonly value: Uint8Array }
  | ({ readonly kind: "end" } & EndLine);

const PLAIN_TREE: TreeLine = { tree: "", keyEncoding: "utf8", valueEncoding: "json" };

interface Parts {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  filled: number;
  left: number;
}

type Line = Readonly<Record<string, unknown>>;

export class DumpReader {
  #line = 0;
  #tree: TreeLine | undefined;
  #dump = false;
  /** Trees that the dump says it has; undefined for one of an earlier espalier, which does not say. */
  #trees: number | undefined;
  readonly #treesEnded: Set<string> = new Set();
  #parts: Parts | undefined;

  /** What a line means; empty lines and parts of a value that is not whole yet mean nothing. Throws DamagedInputError. */
  read(text: string): DumpEvent[] {
    this.#line++;
    if (text.trim() === "") return [];
    try {
      const line: unknown = JSON.parse(text);
      if (typeof line !== "object" || line === null || Array.isArray(line))
        throw new UsageError("no JSON object");
      return this.#meaning(line as Line);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DamagedInputError(`line ${this.#line} of the dump: ${reason}`);
    }
  }

  /** Throws DamagedInputError where the dump was cut off. */
  finish(): void {
    const end = `the dump ends after line ${this.#line}`;
    if (this.#parts !== undefined || (this.#dump && this.#tree !== undefined))
      throw new DamagedInputError(`${end}, in the middle of a tree: it was cut off`);
    if (this.#dump && this.#trees !== undefined && this.#treesEnded.size < this.#trees)
      throw new DamagedInputError(
        `${end}, with ${this.#treesEnded.size} of ${this.#trees} trees: it was cut off`,
      );
  }

  #meaning(line: Line): DumpEvent[] {
    if (this.#parts !== undefined) return this.#part(this.#parts, line);
    if ("espalier-dump" in line) return [this.#header(line)];
    if ("tree" in line) return [this.#beginTree(line)];
    if ("end" in line) return [this.#endTree(line)];
    return this.#record(line);
  }

  #header(line: Line): DumpEvent {
    const version = line["espalier-dump"];
    if (version !== DUMP_VERSION)
      throw new UsageError(`this espalier reads dumps of version ${DUMP_VERSION}, not ${version}`);
    if (this.#line !== 1) throw new UsageError("a dump's header stands in its first line only");
    this.#dump = true;
    if (typeof line["trees"] === "number") this.#trees = line["trees"];
    return { kind: "header", pageSize: Number(line["pageSize"]) };
  }

  #beginTree(line: Line): DumpEvent {
    const keyEncoding = KEY_ENCODINGS.find((name) => name === line["keyEncoding"]);
    const valueEncoding = VALUE_ENCODINGS.find((name) => name === line["valueEncoding"]);
    const tree = line["tree"];
    if (keyEncoding === undefined || valueEncoding === undefined || typeof tree !== "string")
      throw new UsageError("a tree needs a name, a keyEncoding and a valueEncoding");
    if (this.#dump && this.#tree !== undefined)
      throw new UsageError(`the tree "${this.#tree.tree}" has no end before the next one`);
    if (this.#dump && this.#treesEnded.has(tree)) throw new UsageError(`the tree "${tree}" comes twice`);
    this.#tree = { tree, keyEncoding, valueEncoding };
    return { kind: "tree", ...this.#tree };
  }

  #endTree(line: Line): DumpEvent {
    const { end, records, digest } = line;
    if (typeof end !== "string" || typeof records !== "number" || typeof digest !== "string")
      throw new UsageError("the end of a tree needs its name, records and digest");
    if (this.#dump && this.#tree?.tree !== end)
      throw new UsageError(`the end of the tree "${end}" stands outside of it`);
    this.#tree = undefined;
    this.#treesEnded.add(end);
    return { kind: "end", end, records, digest };
  }

  #record(line: Line): DumpEvent[] {
    const events: DumpEvent[] = [];
    if (this.#tree === undefined) {
      if (this.#dump) throw new UsageError("a record outside of any tree");
      this.#tree = PLAIN_TREE;
      events.push({ kind: "tree", ...PLAIN_TREE });
    }
    const key = this.#key(line, this.#tree);
    if ("parts" in line) {
      this.#parts = {
        key,
        value: new Uint8Array(Number(line["bytes"])),
        filled: 0,
        left: Number(line["parts"]),
      };
      return events;
    }
    events.push({ kind: "record", key, value: this.#value(line, this.#tree) });
    return events;
  }

  #key(line: Line, tree: TreeLine): Uint8Array {
    if (typeof line["key64"] === "string") return parseBytes("key64", line["key64"], "base64");
    if (!("key" in line) || tree.keyEncoding === "binary")
      throw new UsageError("no key, or key64 where keys are bytes");
    if (tree.keyEncoding === "ordered") return parseKey(JSON.stringify(line["key"]), "json", "ordered");
    if (typeof line["key"] !== "string") throw new UsageError("the key of a utf8 tree must be a string");
    return parseKey(line["key"], "text", "utf8");
  }

  #value(line: Line, tree: TreeLine): Uint8Array {
    if (typeof line["value64"] === "string") return parseBytes("value64", line["value64"], "base64");
    if (!("value" in line) || tree.valueEncoding === "binary")
      throw new UsageError("no value, or value64 where values are bytes");
    if (tree.valueEncoding === "json") return parseValue(JSON.stringify(line["value"]), "json", "json");
    if (typeof line["value"] !== "string") throw new UsageError("the value of a utf8 tree must be a string");
    return parseValue(line["value"], "text", "utf8");
  }

  #part(parts: Parts, line: Line): DumpEvent[] {
    if (typeof line["part64"] !== "string") throw new UsageError("a part of a long value is missing");
    const bytes = parseBytes("part64", line["part64"], "base64");
    if (parts.filled + bytes.length > parts.value.length)
      throw new UsageError("a long value has too many bytes");
    parts.value.set(bytes, parts.filled);
    parts.filled += bytes.length;
    if (--parts.left > 0) return [];
    if (parts.filled !== parts.value.length) throw new UsageError("a long value has too few bytes");
    this.#parts = undefined;
    return [{ kind: "record", key: parts.key, value: parts.value }];
  }
}
